package splice

import (
	"go.yaml.in/yaml/v2"
)

// wrong parses a text and reports whether it gives the wanted value; if not,
// it returns where it does not, nil when the text has no value at all or not
// one alone.
func (d *document) wrong(out []byte, after any) ([]*path, bool) {
	if !d.style.json {
		// What sigs.k8s.io/yaml.YAMLToJSON begins with; mostly it is enough.
		var got any
		if yaml.Unmarshal(out, &got) != nil || ambiguous(got) {
			return nil, false
		}
		if equalYAML(got, after) {
			return nil, true
		}
	}
	got, err := d.read(out)
	if err != nil {
		return nil, false
	}
	if equal(got, after) {
		return nil, true
	}
	return differences(got, after, nil, nil), false
}

// equalYAML compares what go.yaml.in/yaml/v2 decodes with a wanted value.
func equalYAML(got, want any) bool {
	switch g := got.(type) {
	case map[any]any:
		w, ok := want.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k, v := range g {
			name, err := keyString(k)
			if err != nil {
				return false
			}
			e, ok := w[name]
			if !ok || !equalYAML(v, e) {
				return false
			}
		}
		return true
	case []any:
		w, ok := want.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range g {
			if !equalYAML(g[i], w[i]) {
				return false
			}
		}
		return true
	}
	return equal(got, want)
}

// ambiguous reports whether a map has two keys, like 1 and "1", that have one
// name in JSON. Which of them sigs.k8s.io/yaml takes is a matter of chance.
func ambiguous(v any) bool {
	switch t := v.(type) {
	case map[any]any:
		var names map[string]bool
		for k, e := range t {
			if _, ok := k.(string); !ok && names == nil {
				names = make(map[string]bool, len(t))
			}
			if ambiguous(e) {
				return true
			}
		}
		if names == nil {
			return false
		}
		for k := range t {
			name, err := keyString(k)
			if err != nil || names[name] {
				return true
			}
			names[name] = true
		}
	case []any:
		for _, e := range t {
			if ambiguous(e) {
				return true
			}
		}
	}
	return false
}
