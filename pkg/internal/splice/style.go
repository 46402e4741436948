package splice

import "strings"

// style is how a document is written, for the text that is added to it.
type style struct {
	json  bool
	eol   string
	step  int         // columns from a mapping to the mapping in it
	lists []listStyle // in the order of the text
	quote byte        // the quote that most quoted strings have, 0 where none leads

	unit  string // of JSON over several lines: the indentation of one level
	comma string // between elements on one line
	colon string // between key and value in brackets
}

// listStyle is how one list in block style is written.
type listStyle struct {
	pos    int
	offset int // columns from the key to the dashes
	width  int // columns from a dash to its content
}

// measure finds the style of a document.
func measure(src text, root *node, json bool) *style {
	s := &style{json: json, eol: "\n", comma: ", ", colon: ": "}
	if p := src.lineEnd(0); src.lineBreak(p) == 2 && src[p] == '\r' {
		s.eol = "\r\n"
	}
	m := measuring{style: s, src: src, steps: map[int]int{}}
	if root != nil {
		m.walk(root)
	}
	s.step = 2
	for step, count := range m.steps {
		if best := m.steps[s.step]; count > best || count == best && step < s.step {
			s.step = step
		}
	}
	switch {
	case m.single > m.double:
		s.quote = '\''
	case m.double > m.single:
		s.quote = '"'
	}
	return s
}

// measuring counts what measure decides on.
type measuring struct {
	*style
	src            text
	steps          map[int]int
	single, double int
	brackets       bool // the spacing in brackets is known
}

func (m *measuring) walk(n *node) {
	switch n.quote {
	case '\'':
		m.single++
	case '"':
		m.double++
	}
	if m.json && !m.brackets && len(n.children) > 0 {
		m.measureBrackets(n)
	}
	for i := range n.children {
		c := &n.children[i]
		if n.kind == mapping && n.block() && c.val.block() {
			if c.val.kind == mapping {
				m.steps[c.val.col-n.col]++
			} else {
				m.lists = append(m.lists, m.list(n, c.val))
			}
		}
		m.walk(c.val)
	}
}

// list measures the list that is the value of an entry of n.
func (m *measuring) list(n, list *node) listStyle {
	return listStyle{pos: list.start, offset: list.col - n.col, width: m.src.dashWidth(&list.children[0])}
}

// dashWidth counts the columns from the dash of an item to its content.
func (t text) dashWidth(c *child) int {
	if c.val.empty() || t.multiline(c.start, c.val.start) {
		return 2
	}
	return c.val.start - c.start
}

// measureBrackets takes the spacing of a JSON document from its first
// collection that shows it.
func (m *measuring) measureBrackets(n *node) {
	c := &n.children[0]
	if n.kind == mapping {
		m.colon = m.src.colonText(c)
	}
	if m.src.multiline(n.body, c.start) {
		outer := m.src.indent(n.start)
		m.unit = strings.TrimPrefix(m.src.indent(c.start), outer)
		m.brackets = true
		return
	}
	if len(n.children) < 2 {
		m.comma = ","
		if m.colon != ":" {
			m.comma = ", "
		}
		return
	}
	second := n.children[1].start
	m.comma = string(m.src[second-1-len(m.src.blanksBefore(second)) : second])
	m.brackets = true
}

// colonText returns the colon of an entry with the blanks around it.
func (t text) colonText(c *child) string {
	colon := c.after - 1
	return t.blanksBefore(colon) + ":" + string(t[c.after:t.blanks(c.after)])
}

// blanksBefore returns the spaces and tabs that end at p.
func (t text) blanksBefore(p int) string {
	i := p
	for i > 0 && isBlank(t[i-1]) {
		i--
	}
	return string(t[i:p])
}

// indent returns the white space that the line of p begins with.
func (t text) indent(p int) string {
	start := t.lineStart(p)
	return string(t[start:min(p, t.blanks(start))])
}

// listAt returns the style of the list nearest to p: the one before it, else
// the one behind it, else what kubectl writes.
func (s *style) listAt(p int) listStyle {
	best := listStyle{width: 2}
	for i, l := range s.lists {
		if i > 0 && l.pos > p {
			break
		}
		best = l
	}
	return best
}
