package splice

import "strconv"

// editor collects the edits of one document.
type editor struct {
	*document
	edits   []edit
	anchors bool            // the document has some
	forced  map[string]bool // paths of values to write anew, see repair.go
	limit   int             // the depth from which on values that differ are written anew
	quoted  map[string]bool // strings not to write as literal blocks
	at      *path           // of the value that is being edited
	blame   []*path         // of values that cannot be edited and have to be replaced
}

// place says where a node stands.
type place struct {
	parent *node // nil for the root
	after  int   // the offset behind the colon or dash, -1 where there is none
	spot
}

func (e *editor) add(start, end int, text string) {
	e.edits = append(e.edits, edit{start: start, end: end, text: text, at: e.at})
}

func (e *editor) whole(after any) {
	if e.root == nil {
		e.fill(after)
		return
	}
	e.edit(place{after: -1}, e.root, after, nil)
}

// edit makes n read as want.
func (e *editor) edit(p place, n *node, want any, at *path) {
	outer := e.at
	e.at = at
	e.change(p, n, want, at)
	e.at = outer
}

func (e *editor) change(p place, n *node, want any, at *path) {
	if len(e.forced) > 0 && e.forced[at.String()] {
		e.replace(p, n, want)
		return
	}
	if n.kind == alias {
		if t := n.target; t.kept && equal(t.want, want) {
			return
		}
		e.replace(p, n, want)
		return
	}
	if !n.aliases && len(e.forced) == 0 && equal(n.value, want) {
		e.keep(n)
		return
	}
	if at.level() >= e.limit && !equal(n.value, want) || !e.collection(p, n, want, at) {
		e.replace(p, n, want)
		return
	}
	n.kept, n.want = true, want
}

// collection edits the inside of a collection. It returns false, having
// edited nothing, where n has to be written anew.
func (e *editor) collection(p place, n *node, want any, at *path) bool {
	if isCollection(want) && size(want) > 0 && len(n.children) == 0 {
		return false
	}
	switch w := want.(type) {
	case map[string]any:
		if n.kind == mapping && len(w) > 0 {
			return e.mapping(p, n, w, at)
		}
	case []any:
		if n.kind == sequence && len(w) > 0 {
			return e.sequence(p, n, w, at)
		}
	}
	return equal(n.value, want)
}

// keep notes that n stays as it is, with all anchors in it.
func (e *editor) keep(n *node) {
	if !e.anchors {
		return
	}
	n.kept, n.want = true, n.value
	for i := range n.children {
		e.keep(n.children[i].val)
	}
}

// drop notes that the text of n goes, with all anchors in it.
func (e *editor) drop(n *node) {
	if !e.anchors {
		return
	}
	n.kept = false
	for i := range n.children {
		e.drop(n.children[i].val)
	}
}

// within collects the edits that f makes and returns the text from start to
// end with those applied.
func (e *editor) within(start, end int, f func()) string {
	outer := e.edits
	e.edits = nil
	f()
	out, bad := splice(e.src[start:end], start, e.edits)
	e.edits = outer
	if bad != nil {
		e.blame = append(e.blame, bad.at)
	}
	return string(out)
}

// childPlace is where the value of a child of n stands.
func (e *editor) childPlace(n *node, c *child) place {
	p := place{parent: n, after: c.after, spot: spot{col: n.col}}
	if n.block() && n.kind == sequence {
		p.dash = true
		p.content = n.col + e.src.dashWidth(c)
	}
	return p
}

// encoderAt writes values in the style found near a child of parent.
func (e *editor) encoderAt(parent *node, pos int) encoder {
	list := e.style.listAt(pos)
	enc := encoder{step: e.style.step, offset: list.offset, width: list.width, prefer: e.style.quote, quoted: e.quoted}
	if parent == nil {
		return enc
	}
	enc.always = e.siblingQuote(parent, 2)
	enc.keys = e.keyQuote(parent)
	for i := range parent.children {
		c := &parent.children[i]
		if !c.val.block() {
			continue
		}
		if parent.kind == sequence {
			enc.width = e.src.dashWidth(c)
		} else if c.val.kind == mapping {
			enc.step = c.val.col - parent.col
		}
	}
	return enc
}

// siblingQuote returns the quote that every string in n has, 0 when they
// differ or when there are fewer than least.
func (e *editor) siblingQuote(n *node, least int) byte {
	var quote byte
	count := 0
	for i := range n.children {
		v := n.children[i].val
		if _, ok := v.value.(string); !ok || v.kind != scalar {
			continue
		}
		if v.quote != '\'' && v.quote != '"' || count > 0 && v.quote != quote {
			return 0
		}
		quote = v.quote
		count++
	}
	if count < least {
		return 0
	}
	return quote
}

// keyQuote returns the quote that every key of n has, 0 when they differ.
func (e *editor) keyQuote(n *node) byte {
	if n.kind != mapping || len(n.children) == 0 {
		return 0
	}
	quote := e.src.at(n.children[0].start)
	if quote != '\'' && quote != '"' {
		return 0
	}
	for i := range n.children {
		if e.src.at(n.children[i].start) != quote {
			return 0
		}
	}
	return quote
}

func index(i int) string { return strconv.Itoa(i) }
