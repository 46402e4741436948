package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// values calls emit with each value of a document, as JSON, and the line it
// begins in. A document that begins with a brace may hold several JSON values;
// after a broken one, fail is called and reading goes on at the next line that
// begins with a brace.
func values(d document, emit func(raw []byte, line int) error, fail func(line int, text []byte, err error)) error {
	at := len(d.text) - len(bytes.TrimLeft(d.text, " \t\r\n"))
	if !bytes.HasPrefix(d.text[at:], []byte("{")) {
		return asYAML(d, emit, fail)
	}
	for first := true; ; first = false {
		rest := d.text[at:]
		at += len(rest) - len(bytes.TrimLeft(rest, " \t\r\n"))
		rest = d.text[at:]
		if len(rest) == 0 {
			return nil
		}
		dec := json.NewDecoder(bytes.NewReader(rest))
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if err == nil {
			if err := emit(raw, d.line+lines(d.text[:at])); err != nil {
				return err
			}
			at += int(dec.InputOffset())
			continue
		}
		// YAML's flow style begins with a brace too.
		if whole, yerr := yaml.YAMLToJSON(d.text); first && yerr == nil {
			return emit(whole, d.line)
		}
		next := bytes.Index(rest, []byte("\n{"))
		if next < 0 {
			next = len(rest)
		}
		fail(d.line+lines(d.text[:at])+jsonErrorLine(rest, err), rest[:next], jsonError(err))
		at += next
	}
}

func asYAML(d document, emit func([]byte, int) error, fail func(int, []byte, error)) error {
	raw, err := yaml.YAMLToJSON(d.text)
	if err != nil {
		line, text := yamlError(err)
		fail(d.line+max(line-1, 0), d.text, errors.New(text))
		return nil
	}
	start := len(d.text) - len(bytes.TrimLeft(d.text, " \t\r\n"))
	return emit(raw, d.line+lines(d.text[:start]))
}

func lines(text []byte) int { return bytes.Count(text, []byte{'\n'}) }

func jsonError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}

func jsonErrorLine(text []byte, err error) int {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset < 1 || syntax.Offset > int64(len(text)) {
		return 0
	}
	return lines(text[:syntax.Offset-1])
}

// yamlError takes the line out of a YAML parser's error, which counts from the
// start of the document.
func yamlError(err error) (line int, text string) {
	text = strings.ReplaceAll(err.Error(), "error converting YAML to JSON: ", "")
	m := regexp.MustCompile(`^yaml: line (\d+): (?s:(.*))$`).FindStringSubmatch(text)
	if m == nil {
		return 0, strings.TrimPrefix(text, "yaml: ")
	}
	line, _ = strconv.Atoi(m[1])
	return line, m[2]
}

// head is what every object begins with.
type head struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []json.RawMessage `json:"items"`
}

func (h head) gvk() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(h.APIVersion, h.Kind)
}

// typed decodes an object of a kind that has Go types. Another version of the
// API than the one snapshots hold is read as if it were that one: what checks
// look at is spelled the same.
func typed(info mesh.Info, gvk schema.GroupVersionKind, raw []byte) (runtime.Object, error) {
	if gvk.Version != info.Object.Version {
		var err error
		if raw, err = withAPIVersion(raw, info.Object.GroupVersion().String()); err != nil {
			return nil, err
		}
	}
	json, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	if !ok {
		return nil, errors.New("no JSON serializer for built-in kinds")
	}
	o, _, err := json.Serializer.Decode(raw, &info.Object, nil)
	return o, err
}

func withAPIVersion(raw []byte, version string) ([]byte, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	m["apiVersion"] = json.RawMessage(strconv.Quote(version))
	return json.Marshal(m)
}

// untyped decodes an object of a kind that snapshots keep as it came.
func untyped(gvk schema.GroupVersionKind, raw []byte) (runtime.Object, error) {
	var m map[string]any
	if err := utiljson.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("it is empty")
	}
	u := &unstructured.Unstructured{Object: m}
	u.SetGroupVersionKind(gvk)
	// Metadata of another shape would come out of every getter as nothing.
	var probe struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &probe); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return u, nil
}
