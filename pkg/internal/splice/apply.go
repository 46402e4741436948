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
	d, err := parse(doc)
	if err != nil {
		return nil, fmt.Errorf("could not be edited in place: %w", err)
	}
	out, err := d.apply(after)
	if err != nil {
		return nil, fmt.Errorf("could not be edited in place: %w", err)
	}
	return out, nil
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
	if d.style.json {
		return readJSON(src)
	}
	return read(src)
}

// apply edits until the text parses to after: first with the smallest edits;
// where those do not give it, values that came out wrong are written anew
// whole, then larger and larger values.
func (d *document) apply(after any) ([]byte, error) {
	forced := map[string]bool{}
	for range maxRepairs {
		out, ok := d.edited(after, editor{forced: forced, limit: noLimit})
		if !ok {
			break
		}
		got, err := d.read(out)
		if err != nil {
			break
		}
		if equal(got, after) {
			return out, nil
		}
		if ended, ok := d.endLine(out, after); ok {
			return ended, nil
		}
		if !force(forced, differences(got, after, nil, nil)) {
			break
		}
	}
	for limit := min(depth(after), maxDepth); limit >= 0; limit-- {
		out, ok := d.edited(after, editor{limit: limit})
		if !ok {
			continue
		}
		if got, err := d.read(out); err == nil && equal(got, after) {
			return out, nil
		}
		if ended, ok := d.endLine(out, after); ok {
			return ended, nil
		}
	}
	if _, err := d.read(d.src); err != nil {
		return nil, err
	}
	return nil, errors.New("no edit was found that gives the wanted value")
}

const (
	maxRepairs = 8
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
	got, err := d.read(out)
	return out, err == nil && equal(got, after)
}

// edited runs the editor once. It returns false when the edits contradict each
// other.
func (d *document) edited(after any, e editor) ([]byte, bool) {
	e.document = d
	e.anchors = d.root != nil && anchored(d.root)
	if e.anchors {
		e.drop(d.root)
	}
	e.whole(after)
	if e.failed {
		return nil, false
	}
	return splice(d.src, 0, e.edits)
}
