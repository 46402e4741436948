package splice

import "strings"

// mapping edits the entries of a mapping.
func (e *editor) mapping(p place, n *node, want map[string]any, at *path) bool {
	if n.flow {
		return e.flowMapping(p, n, want, at)
	}
	gone := make([]bool, len(n.children))
	last := -1
	for i := range n.children {
		c := &n.children[i]
		_, ok := want[c.key]
		gone[i] = !ok && !c.merge
		if !gone[i] {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	mark := len(e.edits)
	merges := newMerges(want)
	for i := range n.children {
		c := &n.children[i]
		switch {
		case c.merge:
			merges.add(e, n, i)
		case !gone[i] && !shadowed(n, i):
			e.edit(e.childPlace(n, c), c.val, want[c.key], at.to(c.key))
		}
	}
	for i := range n.children {
		c := &n.children[i]
		if gone[i] || !shadowed(n, i) {
			continue
		}
		if merges.given(c.key) && !merges.expand {
			e.keep(c.val)
			continue
		}
		e.edit(e.childPlace(n, c), c.val, want[c.key], at.to(c.key))
	}
	if merges.expand {
		if last = e.expand(n, merges, gone, want); last < 0 {
			e.edits = e.edits[:mark]
			return false
		}
	}
	e.remove(n, gone, nil)
	e.append(n, last, added(n, merges, want), want)
	return true
}

// added returns the keys of want that no entry of n gives.
func added(n *node, m *merges, want map[string]any) []string {
	missing := map[string]any{}
	for k, v := range want {
		if n.find(k) < 0 && !m.given(k) {
			missing[k] = v
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return order(missing, nil)
}

// append writes new entries behind the entry last.
func (e *editor) append(n *node, last int, keys []string, want map[string]any) {
	if len(keys) == 0 {
		return
	}
	c := &n.children[last]
	col := n.col
	if last < len(n.children)-1 {
		col++
	}
	at := e.src.behind(c.val.end, col)
	enc := e.encoderAt(n, at)
	var lines []string
	for _, k := range keys {
		lines = append(lines, enc.entry(k, want[k], n.col, nil)...)
	}
	e.insertLines(at, lines)
}

// insertLines adds lines below the line that ends at p.
func (e *editor) insertLines(p int, lines []string) {
	if len(lines) > 0 {
		text := e.style.eol + strings.Join(lines, e.style.eol)
		e.edits = append(e.edits, edit{start: p, end: p, text: text, below: true, at: e.at})
	}
}

// remove deletes children of a block collection, with the comments directly
// above them. At least one child has to stay. Comments between the last child
// that stays and what is removed at the end stay too: they stood at the foot of
// the collection before anything was added there. Children that moved take all
// of theirs along.
func (e *editor) remove(n *node, gone []bool, moved map[int]bool) {
	first := 0
	for first < len(gone) && gone[first] {
		first++
	}
	if first > 0 && !e.src.first(n.children[0].start) {
		// The next child moves up to the dash that the first one stands behind.
		_, end := e.segment(n, first-1)
		for end < len(e.src) && (isBlank(e.src[end]) || e.src.lineBreak(end) > 0) {
			end++
		}
		e.add(n.children[0].start, end, "")
	} else {
		first = 0
	}
	tail := len(gone)
	for tail > 0 && gone[tail-1] {
		tail--
	}
	for i := first; i < len(gone); i++ {
		if gone[i] {
			start, end := e.segment(n, i)
			if i == tail && !moved[i] && e.footed(n, i, start) {
				start = e.src.lineStart(n.children[i].start)
			}
			from, to := e.src.lines(start, end)
			e.edits = append(e.edits, edit{start: from, end: to, cut: true, at: e.at})
		}
	}
}

// footed reports whether the comments above a child, which begin at start,
// stand directly below the child before it.
func (e *editor) footed(n *node, i, start int) bool {
	if i == 0 || !e.src.first(n.children[i].start) {
		return false
	}
	above := e.src.behind(n.children[i-1].val.end, n.col+1)
	return start == above+e.src.lineBreak(above)
}

// segment returns the lines of a child with its comments: where they begin,
// and the end of the last one.
func (e *editor) segment(n *node, i int) (start, end int) {
	c := &n.children[i]
	end = e.src.behind(c.val.end, n.col+1)
	if !e.src.first(c.start) {
		return c.start, end
	}
	floor := 0
	if i > 0 {
		floor = e.src.behind(n.children[i-1].val.end, n.col+1)
	}
	start = e.src.above(c.start, floor)
	if start == 0 {
		// What a document begins with is about the whole of it.
		start = e.src.lineStart(c.start)
	}
	return start, end
}
