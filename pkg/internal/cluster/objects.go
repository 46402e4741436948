package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// maxDepth bounds Lists within Lists.
const maxDepth = 5

// openFile is the reading of one file.
type openFile struct {
	*fileReader
	path   path
	header *Header
	held   map[mesh.Kind]bool
	number int // of the document, from 1
}

// document reads the objects of a document. Its error ends the reading.
func (f *openFile) document(d document) error {
	return values(d,
		func(raw []byte, line int) error {
			f.number++
			return f.value(raw, line, schema.GroupVersionKind{}, 0)
		},
		func(line int, text []byte, err error) {
			f.number++
			f.broken(line, text, err)
		})
}

// value reads an object, or a List of them. The kind of a typed List's items
// is of, since they need not name it themselves.
func (f *openFile) value(raw []byte, line int, of schema.GroupVersionKind, depth int) error {
	var h head
	if err := json.Unmarshal(raw, &h); err != nil {
		if !f.path.found || looksLikeObject(raw) {
			f.problem(line, errors.New("it is no Kubernetes object"))
		}
		return nil
	}
	gvk := h.gvk()
	if gvk.Kind == "" {
		gvk = of
	}
	switch {
	case gvk.Kind == "":
		if !f.path.found {
			f.problem(line, errors.New("it has no kind"))
		}
		return nil
	case gvk.Kind == recordingKind:
		return f.recording(raw, gvk)
	case strings.HasSuffix(gvk.Kind, "List") && depth < maxDepth:
		item := schema.GroupVersionKind{}
		if kind := strings.TrimSuffix(gvk.Kind, "List"); kind != "" {
			item = gvk.GroupVersion().WithKind(kind)
			if info, ok := mesh.ForObject(item.GroupKind()); ok {
				f.hold(info.Kind) // also when it is empty: there are none
			}
		}
		for _, i := range h.Items {
			if err := f.value(i, line, item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	info, ok := mesh.ForObject(gvk.GroupKind())
	if !ok {
		return nil
	}
	if err := f.object(info, gvk, raw); err != nil {
		f.broken(line, []byte("kind: "+gvk.Kind), err)
	}
	return nil
}

// object decodes, reduces and keeps one object.
func (f *openFile) object(info mesh.Info, gvk schema.GroupVersionKind, raw []byte) error {
	var o runtime.Object
	var err error
	if info.Typed {
		o, err = typed(info, gvk, raw)
	} else {
		o, err = untyped(gvk, raw)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", gvk.Kind, err)
	}
	m, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	if m.GetName() == "" {
		m.SetName(m.GetGenerateName()) // Jobs are often written so; the rest of the name is not known yet
	}
	if m.GetName() == "" {
		return fmt.Errorf("%s: it has no name", gvk.Kind)
	}
	switch {
	case !info.Namespaced:
		m.SetNamespace("")
	case m.GetNamespace() == "":
		m.SetNamespace(f.namespace)
	}
	if err := validNames(m); err != nil {
		return fmt.Errorf("%s: %w", gvk.Kind, err)
	}
	f.hold(info.Kind)
	f.objects.add(info.Kind, f.reducer.reduce(o))
	return nil
}

func (f *openFile) hold(k mesh.Kind) {
	if f.held == nil {
		f.held = map[mesh.Kind]bool{}
	}
	f.held[k] = true
}

// done takes over what the file held.
func (f *openFile) done() {
	if f.header != nil {
		f.recordings = append(f.recordings, *f.header)
		return
	}
	if f.plain == nil {
		f.plain = map[mesh.Kind]bool{}
	}
	for k := range f.held {
		f.plain[k] = true
	}
}

// problem notes a document that could not be read.
func (f *openFile) problem(line int, err error) {
	f.problems = append(f.problems, fmt.Errorf("%s: %w", f.at(line), err))
}

func (f *openFile) at(line int) string {
	return fmt.Sprintf("%s: document %d (line %d)", f.path, f.number, line)
}

// broken is a problem with a document that may have held objects: of the
// kinds that its text names, or of any kind when it names none.
func (f *openFile) broken(line int, text []byte, err error) {
	f.problem(line, err)
	named := map[string]bool{}
	for _, m := range kindLine.FindAllSubmatch(text, -1) {
		named[strings.TrimSuffix(string(m[1]), "List")] = true
	}
	for _, i := range mesh.Kinds() {
		if !i.Fact() && (named[i.Object.Kind] || len(named) == 0) {
			f.lost = append(f.lost, mesh.Gap{Kind: i.Kind, Reason: f.at(line) + " could not be read"})
		}
	}
}

// kindLine finds the kinds that a text names that could not be parsed.
var kindLine = regexp.MustCompile(`(?:^|[\s,{-])"?kind"?\s*:\s*"?([A-Za-z]+)`)

func looksLikeObject(raw []byte) bool { return kindLine.Match(raw) }
