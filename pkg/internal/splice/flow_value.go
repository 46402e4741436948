package splice

// bracketsAt writes values in the style of the children of n.
func (e *editor) bracketsAt(n *node) brackets {
	b := brackets{style: e.style}
	if e.style.json || n == nil {
		return b
	}
	b.always = e.siblingQuote(n, 1)
	b.keys = e.keyQuote(n)
	return b
}

// lineIndent returns the white space that p's line begins with, nil where p is
// not the first on its line and what is written there stays on the line.
func (e *editor) lineIndent(p int) *string {
	if e.style.unit == "" || !e.src.first(p) {
		return nil
	}
	indent := e.src.indent(p)
	return &indent
}

// replaceInBrackets replaces a value in braces or brackets.
func (e *editor) replaceInBrackets(p place, n *node, want any, anchor string) {
	b := e.bracketsAt(p.parent)
	b.always = 0
	if _, ok := want.(string); ok && n.kind == scalar {
		b.always = n.quote
	}
	text := join(anchor, b.value(want, e.valueIndent(p, n)))
	switch {
	case !n.empty():
		e.add(n.start, n.end, text)
	case p.after < 0:
		e.add(n.end, n.end, ": "+text)
	default:
		e.add(n.end, e.src.blanks(n.end), " "+text)
	}
}

// valueIndent returns the indentation of the line that the value n is on, nil
// where it does not begin that line, but for its key.
func (e *editor) valueIndent(p place, n *node) *string {
	if p.parent == nil {
		return e.lineIndent(n.start)
	}
	for i := range p.parent.children {
		if c := &p.parent.children[i]; c.val == n {
			return e.lineIndent(c.start)
		}
	}
	return nil
}
