package splice

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// model is a random value that knows how it is to be written. Maps and lists
// have children; everything else is a scalar.
type model struct {
	kind    kind
	flow    bool
	scalar  any
	keys    []string
	kids    []*model
	head    string // a comment line above
	line    string // a comment behind
	blanks  int    // blank lines above
	odd     string // a comment above that is indented less
	open    bool   // in braces or brackets, but every child on its line
	touched bool   // the edits changed it, or took it away
	removed bool   // the edits took it away
	added   bool   // the edits added it
	first   bool   // the edits added something before its first child
}

// maker makes random models; count makes every name and comment unique.
type maker struct {
	*rand.Rand
	count int
}

func (m *maker) name(prefix string) string {
	m.count++
	return fmt.Sprintf("%s%d", prefix, m.count)
}

func (m *maker) oneIn(n int) bool { return m.IntN(n) == 0 }

func (m *maker) value(depth int) *model {
	v := &model{}
	if m.oneIn(5) {
		v.head = "# " + m.name("above ")
	}
	if m.oneIn(5) {
		v.line = " # " + m.name("behind ")
	}
	if m.oneIn(8) {
		v.blanks = 1
	}
	if m.oneIn(20) {
		v.odd = "# " + m.name("odd ")
	}
	switch {
	case depth > 0 && m.oneIn(3):
		m.list(v, depth)
	case depth > 0 && m.IntN(3) > 0:
		m.mapping(v, depth)
	default:
		v.scalar = m.leaf()
	}
	return v
}

func (m *maker) mapping(v *model, depth int) {
	v.kind = mapping
	v.flow = m.oneIn(8)
	v.open = v.flow && m.oneIn(3)
	for range m.IntN(5) {
		m.put(v, m.name("key"), m.value(depth-1))
	}
}

// put adds an entry or an item; nothing in braces or brackets has comments or
// block style.
func (m *maker) put(v *model, key string, kid *model) {
	if v.flow {
		line := kid.line
		kid.flatten()
		if v.open {
			kid.line = line
		}
	}
	v.keys = append(v.keys, key)
	v.kids = append(v.kids, kid)
}

func (v *model) flatten() {
	v.flow, v.open, v.head, v.line, v.odd, v.blanks = true, false, "", "", "", 0
	for _, k := range v.kids {
		k.flatten()
	}
}

func (m *maker) list(v *model, depth int) {
	v.kind = sequence
	v.flow = m.oneIn(6)
	v.open = v.flow && m.oneIn(3)
	named := m.oneIn(2)
	for range m.IntN(5) {
		if kid := m.item(depth, named); !v.has(kid) {
			m.put(v, "", kid)
		}
	}
}

// has reports whether there is an item like kid, so that nobody could say
// which of the two an edit is about.
func (v *model) has(kid *model) bool {
	return slices.ContainsFunc(v.kids, func(k *model) bool { return equal(k.any(), kid.any()) })
}

func (m *maker) item(depth int, named bool) *model {
	if !named {
		return m.value(depth - 1)
	}
	item := m.value(0)
	item.scalar = nil
	m.mapping(item, depth-1)
	item.flow, item.open = false, false
	name := &model{scalar: m.name("name")}
	item.keys = append([]string{"name"}, item.keys...)
	item.kids = append([]*model{name}, item.kids...)
	return item
}

func (m *maker) leaf() any {
	switch m.IntN(12) {
	case 0:
		return int64(m.IntN(70000))
	case 1:
		return m.oneIn(2)
	case 2:
		return nil
	case 3:
		return []string{"yes", "on", "1e3", "0o7", "null", "2024-01-02", "=", "", "~", "<<", "12:30:45", "0x1F", "-", "a: b", "a #b", " x", "#", "- a", "'", "\"", "\\", "é日本", "tab\there", "[a]", "{a}", "*x", "&x", "!x", "%x", "@x", "`x`", "?", ":", "x:", "...", "---", "1_000", "\u2028", "\u0085", "\x7f"}[m.IntN(40)]
	case 4:
		return m.name("a line\n  and ") + "\n" + m.name("the end ") + "\n"
	case 5:
		return m.name("words that ") + " go on for a while"
	case 6:
		return 0.25 + float64(m.IntN(8))
	case 7:
		return m.name("no end ") + m.name("\n\tof ")
	}
	return m.name("value")
}

// any returns the value as JSON has it.
func (v *model) any() any {
	switch v.kind {
	case mapping:
		out := map[string]any{}
		for i, k := range v.keys {
			out[k] = v.kids[i].any()
		}
		return out
	case sequence:
		out := []any{}
		for _, k := range v.kids {
			out = append(out, k.any())
		}
		return out
	}
	return v.scalar
}

// gone marks all that is in v as taken away.
func (v *model) gone() {
	v.touched, v.removed = true, true
	for _, k := range v.kids {
		k.gone()
	}
}

// renewed reports whether none of the children that were printed is left.
func (v *model) renewed() bool {
	return !slices.ContainsFunc(v.kids, func(k *model) bool { return !k.removed && !k.added })
}
