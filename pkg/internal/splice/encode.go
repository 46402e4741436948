package splice

import (
	"slices"
	"strings"
)

// encoder writes new values in block style.
type encoder struct {
	step   int // columns from a mapping to the mapping in it
	offset int // columns from a key to the dashes of its list
	width  int // columns from a dash to its content
	always byte
	prefer byte
	indent int             // of the lines of a literal, where it replaces one; else 0
	quoted map[string]bool // strings that are quoted, and not written as literals
	keys   byte            // the quote of keys, 0 where they need none
}

// spot is where a value is written: behind a key at column col, or behind a
// dash that is followed by column content.
type spot struct {
	col     int
	dash    bool
	content int
}

// value writes v: head follows the key or the dash on its line, body is the
// lines below. like gives the order of keys where it has them.
func (e encoder) value(v any, at spot, like *node) (head string, body []string) {
	switch t := v.(type) {
	case string:
		return e.string(t, at)
	case map[string]any:
		if len(t) == 0 {
			return "{}", nil
		}
		col := at.col + e.step
		if at.dash {
			col = at.content
		}
		body = e.nested().entries(t, col, like)
		return split(body, at)
	case []any:
		if len(t) == 0 {
			return "[]", nil
		}
		col := at.col + e.offset
		if at.dash {
			col = at.content
		}
		body = e.nested().items(t, col)
		return split(body, at)
	}
	return wordText(v), nil
}

// nested is the encoder for what stands below a new key, where nothing is
// replaced and there are no siblings to look like.
func (e encoder) nested() encoder {
	e.always, e.indent, e.keys = 0, 0, 0
	return e
}

// split puts the first line of a collection behind its dash.
func split(lines []string, at spot) (string, []string) {
	if !at.dash {
		return "", lines
	}
	return strings.TrimLeft(lines[0], " "), lines[1:]
}

func (e encoder) string(s string, at spot) (string, []string) {
	col := at.col + e.step
	if at.dash {
		col = at.content
	}
	if e.indent > 0 {
		col = e.indent
	}
	if strings.Contains(s, "\n") && !e.quoted[s] {
		if head, body, ok := literalText(s, col, at.col); ok {
			return head, body
		}
	}
	return stringText(s, false, e.always, e.prefer), nil
}

// entries writes the entries of a map at column col.
func (e encoder) entries(m map[string]any, col int, like *node) []string {
	var lines []string
	for _, k := range order(m, like) {
		lines = append(lines, e.entry(k, m[k], col, childLike(like, k))...)
	}
	return lines
}

func (e encoder) entry(key string, v any, col int, like *node) []string {
	head, body := e.value(v, spot{col: col}, like)
	line := spaces(col) + stringText(key, false, e.keys, e.prefer) + ":"
	if head != "" {
		line += " " + head
	}
	return append([]string{line}, body...)
}

// items writes the items of a list with their dashes at column col.
func (e encoder) items(list []any, col int) []string {
	var lines []string
	for _, v := range list {
		lines = append(lines, e.item(v, col, nil)...)
	}
	return lines
}

func (e encoder) item(v any, col int, like *node) []string {
	head, body := e.value(v, spot{col: col, dash: true, content: col + e.width}, like)
	return append([]string{spaces(col) + "-" + spaces(e.width-1) + head}, body...)
}

// order returns the keys of m: those of like in its order, then name, image
// and the others by the alphabet.
func order(m map[string]any, like *node) []string {
	keys := make([]string, 0, len(m))
	known := map[string]bool{}
	if like != nil && like.kind == alias {
		like = like.target
	}
	if like != nil && like.kind == mapping {
		for i := range like.children {
			c := &like.children[i]
			if _, ok := m[c.key]; ok && !c.merge {
				keys = append(keys, c.key)
				known[c.key] = true
			}
		}
	}
	for _, k := range []string{"name", "image"} {
		if _, ok := m[k]; ok && !known[k] {
			keys = append(keys, k)
		}
		known[k] = true
	}
	first := len(keys)
	for k := range m {
		if !known[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys[first:])
	return keys
}

// childLike returns the value of a key of like, if it is a mapping.
func childLike(like *node, key string) *node {
	if like == nil {
		return nil
	}
	if like.kind == alias {
		like = like.target
	}
	if like.kind != mapping {
		return nil
	}
	if i := like.find(key); i >= 0 {
		return like.children[i].val
	}
	return nil
}
