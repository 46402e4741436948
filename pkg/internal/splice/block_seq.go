package splice

import "strings"

// sequence edits the items of a list.
func (e *editor) sequence(p place, n *node, want []any, at *path) bool {
	slots := match(n, want)
	if n.flow {
		return e.flowChildren(p, n, slots, at)
	}
	gone := make([]bool, len(n.children))
	for i := range gone {
		gone[i] = true
	}
	stays := false
	moved := map[int]bool{}
	for _, s := range slots {
		if s.moved {
			moved[s.old] = true
		}
		if s.old >= 0 && !s.moved {
			gone[s.old] = false
			stays = true
		}
	}
	if !stays {
		return false
	}
	in := &inserter{editor: e, n: n, last: -1, spaced: e.spaced(n)}
	for i, s := range slots {
		if s.old >= 0 && !s.moved {
			in.flush()
			c := &n.children[s.old]
			e.edit(e.childPlace(n, c), c.val, s.want, at.to(index(i)))
			in.last = s.old
			continue
		}
		in.lines = append(in.lines, e.itemLines(n, s, max(in.last, 0), at.to(index(i))))
	}
	in.flush()
	e.remove(n, gone, moved)
	return true
}

// inserter adds new items behind the last one that stays.
type inserter struct {
	*editor
	n      *node
	spaced bool // blank lines stand between the items
	last   int
	lines  [][]string // of the items that wait
}

func (in *inserter) flush() {
	if len(in.lines) == 0 {
		return
	}
	e, n := in.editor, in.n
	if in.last < 0 {
		e.insertFirst(n, in.lines, in.spaced)
		in.lines = nil
		return
	}
	col := n.col
	if in.last < len(n.children)-1 {
		col++
	}
	at := e.src.behind(n.children[in.last].val.end, col)
	for _, lines := range in.lines {
		if in.spaced {
			e.insertLines(at, []string{""})
		}
		e.insertLines(at, lines)
	}
	in.lines = nil
}

// insertFirst adds items above the first one.
func (e *editor) insertFirst(n *node, items [][]string, spaced bool) {
	var text strings.Builder
	for _, lines := range items {
		text.WriteString(strings.Join(lines, e.style.eol) + e.style.eol)
		if spaced {
			text.WriteString(e.style.eol)
		}
	}
	at := n.children[0].start
	if e.src.first(at) {
		at, _ = e.segment(n, 0)
		e.add(at, at, text.String())
		return
	}
	// The first item stands behind the dash of another list.
	e.add(at, at, strings.TrimLeft(text.String(), " ")+spaces(n.col))
}

// spaced reports whether blank lines stand between all items.
func (e *editor) spaced(n *node) bool {
	for i := 1; i < len(n.children); i++ {
		start, _ := e.segment(n, i)
		if _, ok := e.src.prevBlank(start); !ok {
			return false
		}
	}
	return len(n.children) > 1
}

// itemLines returns the lines of an item that is new or comes from another
// place in the list; near is an item to look like.
func (e *editor) itemLines(n *node, s slot, near int, at *path) []string {
	if s.old < 0 {
		enc := e.encoderAt(n, n.children[near].start)
		enc.width = e.src.dashWidth(&n.children[near])
		if e.allInBraces(n) && flat(s.want) {
			text := e.bracketsAt(n.children[near].val).value(s.want, nil)
			return []string{spaces(n.col) + "-" + spaces(enc.width-1) + text}
		}
		return enc.item(s.want, n.col, nil)
	}
	c := &n.children[s.old]
	if c.val.aliases || anchored(c.val) {
		enc := e.encoderAt(n, c.start)
		enc.width = e.src.dashWidth(c)
		return enc.item(s.want, n.col, c.val)
	}
	start, end := e.segment(n, s.old)
	text := e.within(start, end, func() {
		e.edit(e.childPlace(n, c), c.val, s.want, at)
	})
	if !e.src.first(c.start) {
		text = spaces(n.col) + text
	}
	return []string{text}
}

// allInBraces reports whether all maps in a list are in flow style.
func (e *editor) allInBraces(n *node) bool {
	for i := range n.children {
		if v := n.children[i].val; v.kind == mapping && !v.flow {
			return false
		}
	}
	return true
}

// flat reports whether v is a map that is well read on one line.
func flat(v any) bool {
	m, ok := v.(map[string]any)
	if !ok || len(m) > 4 {
		return false
	}
	for _, e := range m {
		if s, ok := e.(string); size(e) > 0 || ok && len(s) > 40 {
			return false
		}
	}
	return true
}
