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
	s := &style{json: json, eol: "\n"}
	if p := src.lineEnd(0); src.lineBreak(p) == 2 && src[p] == '\r' {
		s.eol = "\r\n"
	}
	m := measuring{style: s, src: src}
	if root != nil {
		m.walk(root)
	}
	switch {
	case s.colon == "" && s.comma == "":
		s.colon, s.comma = ": ", ", "
	case s.colon == "":
		s.colon = ":" + s.comma[1:]
	case s.comma == "":
		s.comma = "," + s.colon[strings.IndexByte(s.colon, ':')+1:]
	}
	s.step = m.step()
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
	steps          []int
	single, double int
}

func (m *measuring) walk(n *node) {
	switch n.quote {
	case '\'':
		m.single++
	case '"':
		m.double++
	}
	if m.json && len(n.children) > 0 {
		m.measureBrackets(n)
	}
	for i := range n.children {
		c := &n.children[i]
		if n.kind == mapping && n.block() && c.val.block() {
			if c.val.kind == mapping {
				m.steps = append(m.steps, c.val.col-n.col)
			} else {
				m.lists = append(m.lists, m.list(n, c.val))
			}
		}
		m.walk(c.val)
	}
}

// step returns the most frequent step, the first one of equals.
func (m *measuring) step() int {
	best, most := 2, 0
	count := map[int]int{}
	for _, step := range m.steps {
		count[step]++
	}
	for _, step := range m.steps {
		if count[step] > most {
			best, most = step, count[step]
		}
	}
	return best
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

// measureBrackets takes the spacing of a JSON document from the first
// collections that show it.
func (m *measuring) measureBrackets(n *node) {
	c := &n.children[0]
	if n.kind == mapping && m.colon == "" {
		m.colon = m.src.colonText(c)
	}
	if m.src.multiline(n.body, c.start) {
		if m.unit == "" {
			m.unit = strings.TrimPrefix(m.src.indent(c.start), m.src.indent(n.start))
		}
		return
	}
	if m.comma == "" && len(n.children) > 1 {
		second := n.children[1].start
		m.comma = "," + m.src.blanksBefore(second)
	}
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
