package splice

import (
	"encoding/json"
	"fmt"
)

// isJSON reports whether src is a JSON object or array. Such a document is
// read as JSON, as kubectl does, which allows tabs and pairs of surrogates
// that YAML does not.
func isJSON(src text) bool {
	p := 0
	for p < len(src) && (isBlank(src[p]) || src[p] == '\n' || src[p] == '\r') {
		p++
	}
	return (src.at(p) == '{' || src.at(p) == '[') && json.Valid(src)
}

// jsonScanner builds the tree of a text that is known to be valid JSON.
type jsonScanner struct {
	src text
	pos int
}

func scanJSON(src text) (*node, error) {
	s := &jsonScanner{src: src}
	return s.node()
}

func (s *jsonScanner) space() {
	for s.pos < len(s.src) && (isBlank(s.src[s.pos]) || s.src[s.pos] == '\n' || s.src[s.pos] == '\r') {
		s.pos++
	}
}

func (s *jsonScanner) node() (*node, error) {
	s.space()
	n := &node{start: s.pos, props: s.pos, body: s.pos}
	var err error
	switch c := s.src.at(s.pos); c {
	case '{', '[':
		n.flow, n.kind = true, sequence
		if c == '{' {
			n.kind = mapping
		}
		s.pos++
		err = s.children(n)
	case '"':
		n.quote = '"'
		n.value, err = s.string()
	default:
		n.value, err = s.word()
	}
	n.end = s.pos
	return n, err
}

func (s *jsonScanner) children(n *node) error {
	for {
		s.space()
		switch s.src.at(s.pos) {
		case '}', ']':
			s.pos++
			collect(n)
			return nil
		case ',':
			s.pos++
			s.space()
		}
		c := child{start: s.pos, after: s.pos}
		if n.kind == mapping {
			key, err := s.string()
			if err != nil {
				return err
			}
			if n.find(key) >= 0 {
				return fmt.Errorf("the key %q is there twice", key)
			}
			c.key = key
			s.space()
			s.pos++
			c.after = s.pos
		}
		val, err := s.node()
		if err != nil {
			return err
		}
		c.val = val
		n.add(c)
	}
}

// collect gives n the value that its children make.
func collect(n *node) {
	if n.kind == sequence {
		list := make([]any, len(n.children))
		for i := range n.children {
			list[i] = n.children[i].val.value
		}
		n.value = list
		return
	}
	value := make(map[string]any, len(n.children))
	for i := range n.children {
		value[n.children[i].key] = n.children[i].val.value
	}
	n.value = value
}

func (s *jsonScanner) string() (string, error) {
	start, escaped := s.pos, false
	for s.pos++; s.src[s.pos] != '"'; s.pos++ {
		if s.src[s.pos] == '\\' {
			escaped = true
			s.pos++
		}
	}
	s.pos++
	if !escaped {
		return string(s.src[start+1 : s.pos-1]), nil
	}
	var v string
	err := json.Unmarshal(s.src[start:s.pos], &v)
	return v, err
}

// word scans a number, true, false or null.
func (s *jsonScanner) word() (any, error) {
	start := s.pos
	for s.pos < len(s.src) && s.src[s.pos] > ' ' && s.src[s.pos] != ',' && s.src[s.pos] != '}' && s.src[s.pos] != ']' {
		s.pos++
	}
	return readJSON(s.src[start:s.pos])
}
