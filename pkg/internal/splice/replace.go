package splice

import (
	"slices"
	"strings"
)

// replace writes want in the place of n. An anchor of n stays.
func (e *editor) replace(p place, n *node, want any) {
	e.drop(n)
	n.kept, n.want = n.anchor != "", want
	anchor := ""
	if n.anchor != "" {
		anchor = "&" + n.anchor
	}
	switch {
	case e.style.json || p.parent != nil && p.parent.flow:
		e.replaceInBrackets(p, n, want, anchor)
		return
	case p.parent == nil:
		e.replaceRoot(n, want, anchor)
		return
	case p.after < 0:
		e.blame = append(e.blame, e.at)
		return
	}
	head, body := e.replacer(p, n, want).value(want, p.spot, n)
	head = join(anchor, head)
	switch {
	case n.empty():
		end, _ := e.src.rest(p.after)
		if head != "" {
			e.add(p.after, p.after, " "+head)
		}
		e.insertLines(end, body)
	case !e.src.multiline(p.after, n.body):
		e.replaceInLine(p, n, head, body)
	case n.start == n.body && !n.block() && len(body) == 0:
		e.add(n.start, n.end, head)
	default:
		e.replaceBelow(p, n, head, body)
	}
}

// replacer is the encoder for what takes the place of n: the same quotes, the
// same indentation of lines.
func (e *editor) replacer(p place, n *node, want any) encoder {
	enc := e.encoderAt(p.parent, p.after)
	enc.always = 0
	if n.kind != scalar {
		return enc
	}
	if _, ok := want.(string); ok && (n.quote == '\'' || n.quote == '"') {
		enc.always = n.quote
	}
	if n.quote == '|' || n.quote == '>' {
		enc.indent = n.col
	}
	return enc
}

// replaceInLine replaces a value that begins on the line of its key or dash.
func (e *editor) replaceInLine(p place, n *node, head string, body []string) {
	end := n.end
	if n.block() {
		end, _ = e.src.rest(n.end)
	}
	if n.quote == '|' || n.quote == '>' {
		head = join(head, e.headerComment(n))
	}
	if e.src.at(end) == '#' && !strings.HasSuffix(head, string(rune(n.quote))) {
		head += " "
	}
	if strings.Trim(head, " ") == "" {
		e.add(p.after, end, head)
	} else {
		e.add(n.start, end, head)
	}
	line, _ := e.src.rest(end)
	e.insertLines(line, body)
}

// replaceBelow replaces a value that begins on a line below its key or dash.
func (e *editor) replaceBelow(p place, n *node, head string, body []string) {
	hold := p.after
	switch {
	case n.props > n.start && !e.src.multiline(p.after, n.start):
		hold = n.props
		if head == "" {
			e.add(p.after, n.props, "")
		} else {
			e.add(n.start, n.props, head)
		}
	case head != "":
		e.add(p.after, p.after, " "+head)
	}
	line, _ := e.src.rest(hold)
	e.insertLines(line, body)
	end, _ := e.src.rest(n.end)
	if n.block() {
		end = e.src.behind(n.end, p.col+1)
	}
	e.add(line, end, "")
}

// headerComment returns the comment behind the | or > of a block scalar.
func (e *editor) headerComment(n *node) string {
	header := string(e.src[n.body:e.src.lineEnd(n.body)])
	if i := strings.IndexByte(header, '#'); i >= 0 {
		return strings.TrimRight(header[i:], " \t")
	}
	return ""
}

// replaceRoot replaces the value of the whole document; comments above and
// below stay.
func (e *editor) replaceRoot(n *node, want any, anchor string) {
	lines := e.rootLines(want, n)
	if anchor != "" {
		lines = slices.Insert(lines, 0, anchor)
	}
	start := e.src.lineStart(n.start)
	if !e.src.first(n.start) {
		start = n.start
		lines = slices.Insert(lines, 0, "")
	}
	end, _ := e.src.rest(n.end)
	if white(string(e.src[end:])) {
		// A tab would be all right behind the old value, but not behind a map.
		if end < len(e.src) {
			lines = append(lines, "")
		}
		end = len(e.src)
	}
	e.add(start, end, strings.Join(lines, e.style.eol))
}

// rootLines writes a whole document.
func (e *editor) rootLines(want any, like *node) []string {
	enc := e.encoderAt(nil, 0)
	switch t := want.(type) {
	case map[string]any:
		if len(t) > 0 {
			return enc.entries(t, 0, like)
		}
	case []any:
		if len(t) > 0 {
			return enc.items(t, 0)
		}
	}
	head, body := enc.value(want, spot{}, like)
	return append([]string{head}, body...)
}

// fill writes the value of a document that has none.
func (e *editor) fill(want any) {
	if want == nil {
		return
	}
	text := strings.Join(e.rootLines(want, nil), e.style.eol) + e.style.eol
	if len(e.src) > 0 && e.src.breakBefore(len(e.src)) == 0 {
		text = e.style.eol + text
	}
	e.add(len(e.src), len(e.src), text)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}
