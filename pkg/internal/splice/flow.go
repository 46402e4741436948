package splice

import "strings"

// flowMapping edits a mapping in braces.
func (e *editor) flowMapping(p place, n *node, want map[string]any, at *path) bool {
	merges := newMerges(want)
	for i := range n.children {
		if n.children[i].merge {
			merges.add(e, n, i)
		}
	}
	if merges.expand {
		return false
	}
	var slots []slot
	for i := range n.children {
		c := &n.children[i]
		if c.merge {
			slots = append(slots, slot{old: i, key: c.key, stays: true})
		} else if w, ok := want[c.key]; ok {
			stays := shadowed(n, i) && merges.given(c.key)
			slots = append(slots, slot{old: i, key: c.key, want: w, stays: stays})
		}
	}
	for _, k := range added(n, merges, want) {
		slots = append(slots, slot{old: -1, key: k, want: want[k]})
	}
	return e.flowChildren(p, n, slots, at)
}

// flowChildren gives a collection in brackets the children that slots name.
func (e *editor) flowChildren(p place, n *node, slots []slot, at *path) bool {
	same := len(slots) == len(n.children)
	for i, s := range slots {
		same = same && s.old == i
	}
	if same {
		for i, s := range slots {
			e.flowChild(n, s, i, at)
		}
		return true
	}
	if n.bare || len(slots) == 0 {
		return false
	}
	e.add(n.body, n.end, e.rebuild(n, slots, at))
	return true
}

func (e *editor) flowChild(n *node, s slot, i int, at *path) {
	if s.stays {
		e.keep(n.children[s.old].val)
		return
	}
	key := s.key
	if n.kind == sequence {
		key = index(i)
	}
	c := &n.children[s.old]
	e.edit(e.childPlace(n, c), c.val, s.want, at.to(key))
}

// rebuild puts a collection in brackets together again from the texts of the
// children that stay, with the comments around them, and of new ones.
func (e *editor) rebuild(n *node, slots []slot, at *path) string {
	parts, closing := e.flowParts(n)
	trailing := parts[len(parts)-1].comma
	lead := e.newLead(n, parts)
	b := e.bracketsAt(n)
	indent := e.lineIndent(n.children[0].start)
	var out strings.Builder
	out.WriteByte(e.src[n.body])
	for i, s := range slots {
		part := flowPart{lead: lead}
		if s.old >= 0 {
			part = parts[s.old]
			if s.old == 0 && i > 0 && !part.multiline() {
				part.lead = lead
			}
		}
		if i == 0 && (!part.multiline() || !parts[0].multiline() && white(part.lead)) {
			part.lead = parts[0].lead
		}
		out.WriteString(part.lead)
		switch {
		case s.old >= 0 && !(s.moved && (n.children[s.old].val.aliases || anchored(n.children[s.old].val))):
			c := &n.children[s.old]
			out.WriteString(e.within(c.start, part.end, func() { e.flowChild(n, s, i, at) }))
		case n.kind == mapping:
			out.WriteString(b.entry(s.key, s.want, indent))
		default:
			out.WriteString(b.value(s.want, indent))
		}
		out.WriteString(part.gap)
		if i < len(slots)-1 || trailing {
			out.WriteByte(',')
		}
		out.WriteString(part.tail)
	}
	out.WriteString(closing)
	return out.String()
}

// flowPart is the text around a child in brackets.
type flowPart struct {
	lead  string // before it
	end   int    // where its own text ends
	gap   string // between it and its comma
	comma bool
	tail  string // the comment behind on its line
}

// multiline reports whether the child begins a line.
func (p flowPart) multiline() bool { return text(p.lead).multiline(0, len(p.lead)) }

// flowParts returns the text around every child, and what is left behind the
// last one.
func (e *editor) flowParts(n *node) (parts []flowPart, closing string) {
	at := n.body + 1
	for i := range n.children {
		c := &n.children[i]
		part := flowPart{lead: string(e.src[at:c.start])}
		at = c.val.end
		if c.val.empty() {
			at = e.src.blanks(at)
		}
		part.end = at
		if comma := e.src.trivia(at); e.src.at(comma) == ',' {
			part.gap = string(e.src[at:comma])
			part.comma = true
			at = comma + 1
		}
		if j := e.src.blanks(at); e.src.at(j) == '#' {
			end := e.src.lineEnd(j)
			part.tail = string(e.src[at:end])
			at = end
		}
		parts = append(parts, part)
	}
	return parts, string(e.src[at:n.end])
}

// newLead returns what stands before a new child.
func (e *editor) newLead(n *node, parts []flowPart) string {
	if parts[0].multiline() {
		return e.style.eol + e.src.indent(n.children[0].start)
	}
	if last := parts[len(parts)-1].lead; len(parts) > 1 && white(last) {
		return last
	}
	return strings.TrimPrefix(e.style.comma, ",")
}

// white reports whether s is spaces, tabs and line breaks.
func white(s string) bool { return strings.Trim(s, " \t\r\n") == "" }
