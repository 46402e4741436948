package splice

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Apply returns doc with the least edits after which it parses to after. doc
// is one YAML or JSON document in UTF-8; after is made of map[string]any,
// []any, string, bool, nil and numbers (int, int64, float64, json.Number),
// and is not changed. Values are compared as Kubernetes reads them: with
// sigs.k8s.io/yaml, or as JSON where doc is JSON; numbers by value. Where
// nothing differs the result has the bytes of doc. It does no I/O.
//
// An error means that doc is no such document, or that no edit was found that
// makes it parse to after; there is no result then.
func Apply(doc []byte, after any) ([]byte, error) {
	if err := check(after); err != nil {
		return nil, fmt.Errorf("could not be edited in place: %w", err)
	}
	mark := doc[:len(doc)-len(bytes.TrimPrefix(doc, []byte("\uFEFF")))]
	d, err := parse(doc[len(mark):])
	if err != nil {
		return nil, fmt.Errorf("could not be edited in place: %w", err)
	}
	out, err := d.apply(after)
	if err != nil {
		return nil, fmt.Errorf("could not be edited in place: %w", err)
	}
	return append(bytes.Clone(mark), out...), nil
}

// document is a parsed text.
type document struct {
	src   text
	root  *node // nil when there is no value
	style *style
}

func parse(src []byte) (*document, error) {
	switch {
	case !utf8.Valid(src):
		return nil, errors.New("the text is not UTF-8")
	case bytes.IndexByte(src, 0) >= 0:
		return nil, errors.New("there is a zero byte in the text")
	}
	d := &document{src: src}
	json := isJSON(d.src)
	scan := scanDocument
	if json {
		scan = scanJSON
	}
	root, err := scan(d.src)
	if err != nil {
		return nil, err
	}
	d.root = root
	d.style = measure(d.src, root, json)
	return d, nil
}

// read parses a text as Kubernetes would.
func (d *document) read(src []byte) (any, error) {
	if d.style.json && isJSON(src) {
		return readJSON(src)
	}
	return read(src)
}

// apply edits until the text parses to after: first with the smallest edits;
// where those do not give it, the values that came out wrong are written anew
// as a whole, then larger and larger ones.
func (d *document) apply(after any) ([]byte, error) {
	forced := map[string]bool{}
	for range maxRepairs {
		out, blame, ok := d.attempt(after, editor{forced: forced, limit: noLimit})
		if ok {
			return out, nil
		}
		if !force(forced, blame) {
			break
		}
	}
	for limit := min(depth(after), maxDepth); limit >= 0; limit-- {
		if out, _, ok := d.attempt(after, editor{limit: limit}); ok {
			return out, nil
		}
	}
	if _, err := d.read(d.src); err != nil {
		return nil, err
	}
	return nil, errors.New("no edit was found that gives the wanted value")
}

// attempt lets an editor run. It returns a text only if that gives the wanted
// value, and else the values that have to be written anew.
func (d *document) attempt(after any, e editor) (out []byte, blame []*path, ok bool) {
	e.document = d
	e.anchors = d.root != nil && anchored(d.root)
	plain := e
	if out, ok = e.run(after); !ok {
		return nil, e.blame, false
	}
	if blame, ok = d.wrong(out, after); ok {
		return out, nil, true
	}
	if ended, ok := d.endLine(out, after); ok {
		return ended, nil, true
	}
	if blame == nil {
		return nil, d.suspects(e.edits), false
	}
	// A comment or white space below a new literal block would become part of
	// it if it is indented as deep.
	plain.quoted = map[string]bool{}
	for _, p := range blame {
		if s, ok := p.in(after).(string); ok {
			plain.quoted[s] = true
		}
	}
	if out, ok := plain.run(after); ok {
		if _, ok := d.wrong(out, after); ok {
			return out, nil, true
		}
	}
	return nil, blame, false
}

const (
	maxRepairs = 12
	maxDepth   = 12
	noLimit    = 1 << 30
)

// endLine ends the last line of a text that lacks its end, which a literal
// block there may need, and reports whether that gives the wanted value.
func (d *document) endLine(out []byte, after any) ([]byte, bool) {
	if len(out) == 0 || text(out).breakBefore(len(out)) > 0 {
		return nil, false
	}
	out = append(bytes.Clone(out), d.style.eol...)
	_, ok := d.wrong(out, after)
	return out, ok
}

// suspects returns the values whose edits, alone, spoil the syntax: without
// them the text parses.
func (d *document) suspects(edits []edit) []*path {
	var found []*path
	seen := map[string]bool{}
	for _, e := range edits {
		name := e.at.String()
		if seen[name] {
			continue
		}
		seen[name] = true
		if len(seen) > maxSuspects {
			break
		}
		var others []edit
		for _, o := range edits {
			if o.at.String() != name {
				others = append(others, o)
			}
		}
		if out, bad := splice(d.src, 0, others); bad == nil {
			if _, err := d.read(out); err == nil {
				found = append(found, e.at)
			}
		}
	}
	return found
}

const maxSuspects = 64

// run makes the edits. It returns false where some cannot be made, and leaves
// in blame the values that they are about.
func (e *editor) run(after any) ([]byte, bool) {
	if e.anchors {
		e.drop(e.root)
	}
	e.whole(after)
	if len(e.blame) > 0 {
		return nil, false
	}
	out, bad := splice(e.src, 0, e.edits)
	if bad != nil {
		e.blame = append(e.blame, bad.at)
		return nil, false
	}
	return out, true
}
