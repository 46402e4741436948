package splice

import (
	"strings"
)

// printed is the text of a model. owners has, for every line, what has to be
// touched for the line to be lost.
type printed struct {
	*maker
	eol    string
	lines  []string
	owners [][]func() bool
	notes  []*model // those with comments
}

func (p *printed) add(line string, owners ...func() bool) {
	p.lines = append(p.lines, line)
	p.owners = append(p.owners, owners)
}

func touched(v *model) func() bool { return func() bool { return v.touched } }

// anyTouched is for lines that hold more than one value.
func anyTouched(v *model) func() bool {
	return func() bool {
		if v.touched || v.first {
			return true
		}
		for _, k := range v.kids {
			if anyTouched(k)() {
				return true
			}
		}
		return false
	}
}

// print writes v behind prefix, which is a key or a dash, or empty for the
// document. col is where a collection's keys or dashes go, dash tells that the
// prefix ends in a dash, so that a block collection may begin on its line.
func (p *printed) print(v *model, prefix string, col int, dash bool, owners []func() bool) {
	if block := v.kind != scalar && !v.flow && len(v.kids) > 0; v.line != "" && !(block && dash) {
		p.notes = append(p.notes, v)
	}
	if v.kind == scalar {
		p.scalar(v, prefix, col, append(owners, touched(v)))
		return
	}
	if v.open && len(v.kids) > 0 && prefix != "" {
		p.opened(v, prefix, col, owners)
		return
	}
	if len(v.kids) == 0 || v.flow {
		p.add(prefix+p.flowText(v)+v.line+p.trailing(), append(owners, anyTouched(v))...)
		return
	}
	pad := prefix
	if dash && p.oneIn(8) {
		p.add(strings.TrimRight(prefix, " "), append(owners, touched(v))...)
		pad, owners = "", nil
	} else if !dash {
		if prefix != "" {
			p.add(strings.TrimRight(prefix, " ")+v.line, append(owners, touched(v))...)
		}
		pad, owners = "", nil
	} else {
		owners = append(owners, touched(v), func() bool { return v.first || v.kids[0].touched })
	}
	width := 2
	if p.oneIn(6) {
		width = 4
	}
	for i, kid := range v.kids {
		head := pad
		if head == "" {
			p.above(v, kid, col)
			head, owners = spaces(col), nil
		}
		pad = ""
		if v.kind == sequence {
			p.print(kid, head+"-"+spaces(width-1), col+width, true, owners)
		} else {
			next := col + 2
			switch {
			case p.oneIn(5):
				next = col + 4
			case kid.kind == sequence && p.oneIn(2):
				next = col
			}
			quote := []byte{0, 0, 0, 0, '"', '\''}[p.IntN(6)]
			p.print(kid, head+stringText(v.keys[i], false, quote, 0)+": ", next, false, owners)
		}
	}
}

// opened prints a flow collection over several lines.
func (p *printed) opened(v *model, prefix string, col int, owners []func() bool) {
	open, closing, comma := "{", "}", p.oneIn(2)
	if v.kind == sequence {
		open, closing = "[", "]"
	}
	p.add(prefix+open, append(owners, anyTouched(v))...)
	for i, kid := range v.kids {
		if kid.line != "" {
			p.notes = append(p.notes, kid)
		}
		text := p.flowText(&model{kind: sequence, kids: []*model{kid}})
		text = strings.TrimSpace(text[1 : len(text)-1])
		if v.kind == mapping {
			text = v.keys[i] + ": " + text
		}
		if comma || i < len(v.kids)-1 {
			text += ","
		}
		p.add(spaces(col+2)+text+kid.line, anyTouched(v))
	}
	p.add(spaces(col+p.IntN(3))+closing+v.line, anyTouched(v))
}

func (p *printed) above(parent, v *model, col int) {
	for range v.blanks {
		p.add("")
	}
	if v.odd != "" && col > 0 {
		p.add(spaces(p.IntN(col))+v.odd, func() bool { return parent.touched || parent.renewed() })
	}
	if v.head != "" {
		p.add(spaces(col)+v.head, func() bool { return v.removed })
	}
}

func (p *printed) scalar(v *model, prefix string, col int, owners []func() bool) {
	s, ok := v.scalar.(string)
	if !ok {
		text := wordText(v.scalar)
		if v.scalar == nil && p.oneIn(2) {
			text = ""
		}
		p.add(strings.TrimRight(prefix+text, " ")+v.line, owners...)
		return
	}
	if strings.Contains(s, "\n") && prefix != "" {
		if head, body, ok := literalText(s, max(col, 1)+p.IntN(3), -1); ok {
			p.add(prefix+head+v.line, owners...)
			for _, l := range body {
				p.add(l, owners...)
			}
			return
		}
	}
	quote := []byte{0, 0, '"', '\''}[p.IntN(4)]
	if words := strings.Fields(s); len(words) > 3 && p.oneIn(2) && prefix != "" {
		// A plain scalar over two lines.
		p.add(prefix+strings.Join(words[:2], " "), owners...)
		p.add(spaces(max(col, 1)+p.IntN(3))+strings.Join(words[2:], " ")+v.line, owners...)
		return
	}
	p.add(prefix+stringText(s, false, quote, 0)+v.line+p.trailing(), owners...)
}

// trailing is white space at the end of a line.
func (p *printed) trailing() string {
	return []string{"", "", "", "", "", " ", "   ", "\t"}[p.IntN(8)]
}

func (p *printed) flowText(v *model) string {
	space := []string{"", " "}[p.IntN(2)]
	var parts []string
	for i, kid := range v.kids {
		text := ""
		switch s := kid.scalar.(type) {
		case string:
			text = stringText(s, true, []byte{0, '"', '\''}[p.IntN(3)], 0)
		default:
			text = wordText(s)
		}
		if kid.kind != scalar {
			text = p.flowText(kid)
		}
		if v.kind == mapping {
			text = stringText(v.keys[i], true, 0, 0) + ": " + text
		}
		parts = append(parts, text)
	}
	open, closing := "{", "}"
	if v.kind == sequence {
		open, closing = "[", "]"
	}
	if len(parts) == 0 {
		return open + closing
	}
	return open + space + strings.Join(parts, ", ") + space + closing
}

// document writes a model as a whole text.
func (p *printed) document(v *model) string {
	if p.oneIn(3) {
		p.add("# the head of the document")
	}
	p.print(v, "", 0, false, nil)
	if p.oneIn(4) {
		p.add("# the foot of the document")
	}
	if p.oneIn(8) {
		p.add("")
	}
	text := strings.Join(p.lines, p.eol)
	// A literal block at the end needs its line break.
	if got, err := read([]byte(text)); err != nil || !equal(got, v.any()) || !p.oneIn(6) {
		text += p.eol
	}
	return text
}
