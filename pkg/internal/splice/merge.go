package splice

// merges is what the << entries of a mapping give, after the edits above.
type merges struct {
	want   map[string]any
	base   map[string]any // what they give
	before map[string]any // what they gave
	expand bool           // they have to go, and their keys to be written out
}

func newMerges(want map[string]any) *merges { return &merges{want: want} }

// given reports whether the merges that stay give the key its wanted value.
func (m *merges) given(key string) bool {
	if m.expand {
		_, ok := m.before[key]
		return ok
	}
	v, ok := m.base[key]
	return ok && equal(v, m.want[key])
}

// add takes in the << entry i of n, whose entries above have been edited.
func (m *merges) add(e *editor, n *node, i int) {
	if m.base == nil {
		m.base, m.before = map[string]any{}, map[string]any{}
	}
	val := n.children[i].val
	e.keep(val)
	old, _ := mergedMaps(val.value)
	for _, o := range old {
		for k, v := range o {
			m.before[k] = v
		}
	}
	now, ok := mergedMaps(keptValue(val))
	if !ok {
		m.expand = true
		return
	}
	for _, o := range now {
		for k, v := range o {
			m.base[k] = v
			if w, ok := m.want[k]; !ok {
				// A merged key cannot be taken away.
				m.expand = true
			} else if j := n.find(k); j >= 0 && j < i && !equal(v, w) {
				// Kubernetes lets the merge win over the key above it.
				m.expand = true
			}
		}
	}
}

// shadowed reports whether a << below the entry i gives its key too, and so
// its value.
func shadowed(n *node, i int) bool {
	if n.children[i].merge {
		return false
	}
	for j := i + 1; j < n.merged; j++ {
		if !n.children[j].merge {
			continue
		}
		maps, _ := mergedMaps(n.children[j].val.value)
		for _, m := range maps {
			if _, ok := m[n.children[i].key]; ok {
				return true
			}
		}
	}
	return false
}

// keptValue returns what the value of a << will read as, given what becomes of
// the anchors; nil where an anchor goes, or is no longer that of a map.
func keptValue(n *node) any {
	if n.kind == alias {
		if !n.target.kept || !isMap(n.target.want) {
			return nil
		}
		return n.target.want
	}
	if n.kind != sequence {
		return n.value
	}
	list := make([]any, len(n.children))
	for i := range n.children {
		list[i] = keptValue(n.children[i].val)
	}
	return list
}

// expand writes the merged keys out in the place of the first << entry, and
// returns the last entry that stays, -1 when none does.
func (e *editor) expand(n *node, m *merges, gone []bool, want map[string]any) int {
	keys := make(map[string]any, len(m.before))
	for k := range m.before {
		if w, ok := want[k]; ok && n.find(k) < 0 {
			keys[k] = w
		}
	}
	last := -1
	for i := range n.children {
		c := &n.children[i]
		if c.merge {
			gone[i] = len(keys) == 0
			if !gone[i] {
				lines := e.encoderAt(n, c.start).entries(keys, n.col, mergeLike(c.val))
				e.add(c.start, c.val.end, lines[0][n.col:])
				end, _ := e.src.rest(c.val.end)
				e.insertLines(end, lines[1:])
				clear(keys)
			}
		}
		if !gone[i] {
			last = i
		}
	}
	return last
}

// mergeLike returns a mapping whose order the merged keys follow.
func mergeLike(n *node) *node {
	if n.kind == sequence && len(n.children) > 0 {
		n = n.children[0].val
	}
	return n
}
