package splice

import (
	"slices"
	"strconv"
	"strings"
)

// path leads to a value in the wanted value.
type path struct {
	up    *path
	key   string
	depth int
}

func (p *path) to(key string) *path {
	if p == nil {
		return &path{key: key, depth: 1}
	}
	return &path{up: p, key: key, depth: p.depth + 1}
}

func (p *path) level() int {
	if p == nil {
		return 0
	}
	return p.depth
}

// String joins the keys with zero bytes, which no document has.
func (p *path) String() string {
	var keys []string
	for ; p != nil; p = p.up {
		keys = append(keys, p.key)
	}
	slices.Reverse(keys)
	return strings.Join(keys, "\x00")
}

// in returns the value that p leads to in v, nil where there is none.
func (p *path) in(v any) any {
	if p == nil {
		return v
	}
	switch t := p.up.in(v).(type) {
	case map[string]any:
		return t[p.key]
	case []any:
		if i, err := strconv.Atoi(p.key); err == nil && i < len(t) {
			return t[i]
		}
	}
	return nil
}

// differences returns the paths of the smallest values that differ.
func differences(got, want any, at *path, found []*path) []*path {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return append(found, at)
		}
		for _, k := range order(w, nil) {
			v, ok := g[k]
			if !ok {
				return append(found, at)
			}
			found = differences(v, w[k], at.to(k), found)
		}
		return found
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return append(found, at)
		}
		for i := range w {
			found = differences(g[i], w[i], at.to(strconv.Itoa(i)), found)
		}
		return found
	}
	if equal(got, want) {
		return found
	}
	return append(found, at)
}

// force adds the paths to the values that are written anew; for a path that
// is there already, the value around it. It returns false when none is left
// to add.
func force(forced map[string]bool, paths []*path) bool {
	added := false
	for _, p := range paths {
		for p != nil && forced[p.String()] {
			p = p.up
		}
		if key := p.String(); !forced[key] {
			forced[key] = true
			added = true
		}
	}
	return added
}

// depth counts how deep collections are nested in v.
func depth(v any) int {
	deepest := 0
	switch t := v.(type) {
	case map[string]any:
		for _, e := range t {
			deepest = max(deepest, depth(e))
		}
	case []any:
		for _, e := range t {
			deepest = max(deepest, depth(e))
		}
	default:
		return 0
	}
	return deepest + 1
}

// anchored reports whether there is an anchor in n.
func anchored(n *node) bool {
	if n.anchor != "" {
		return true
	}
	return slices.ContainsFunc(n.children, func(c child) bool { return anchored(c.val) })
}
