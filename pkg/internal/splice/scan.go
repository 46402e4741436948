package splice

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// scanner finds the places of the nodes that yaml.v3 parsed. It walks the text
// and the nodes together, so that all it has to know of YAML is how tokens look.
type scanner struct {
	src     text
	pos     int
	nodes   map[string]*node // the anchors seen so far
	pending map[string]bool  // the anchors whose node is not yet complete
}

// errPlace means that the text at a node's place is not what the parser said.
var errPlace = errors.New("the place of a value was not found")

// scanDocument builds the tree of a YAML document. It returns nil for a
// document without a value.
func scanDocument(src text) (*node, error) {
	y, err := parseYAML(src)
	if err != nil {
		return nil, err
	}
	s := &scanner{src: src, nodes: map[string]*node{}, pending: map[string]bool{}}
	s.pos = src.trivia(0)
	if bytes.HasPrefix(src[s.pos:], []byte("---")) && src.blankOrBreak(s.pos+3) {
		s.pos += 3
	}
	var root *node
	if y != nil {
		if root, err = s.node(y, -1); err != nil {
			return nil, fmt.Errorf("line %d: %w", bytes.Count(src[:s.pos], []byte("\n"))+1, err)
		}
	}
	end := src.trivia(s.pos)
	if bytes.HasPrefix(src[end:], []byte("...")) && src.blankOrBreak(end+3) {
		end = src.trivia(end + 3)
	}
	if end < len(src) {
		return nil, errors.New("more than one document, or text behind its end")
	}
	if root != nil && root.empty() {
		return nil, nil
	}
	return root, nil
}

// parseYAML returns the root of the first document, nil if it has none.
func parseYAML(src []byte) (root *yaml.Node, err error) {
	// The parser panics on some texts that mix comments and empty nodes.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// node scans one node. parent is the column of the block collection around it.
func (s *scanner) node(y *yaml.Node, parent int) (*node, error) {
	n := &node{start: s.pos, props: s.pos, body: s.pos, end: s.pos}
	plain := y.Kind == yaml.ScalarNode && quoteOf(y) == 0
	n.tagged = y.Style&yaml.TaggedStyle != 0
	if plain && y.Value == "" && y.Anchor == "" && !n.tagged {
		return n, nil
	}
	s.pos = s.src.trivia(s.pos)
	n.start = s.pos
	end := s.properties(y)
	s.pos = s.src.trivia(end)
	if plain && y.Value == "" {
		s.pos = end
	}
	n.props, n.body = end, s.pos
	n.text = bytes.HasPrefix(s.src[n.start:end], []byte("!")) && s.src.blankOrBreak(n.start+1)
	n.anchor = y.Anchor
	if n.anchor != "" {
		s.nodes[n.anchor] = n
		s.pending[n.anchor] = true
	}
	err := s.content(n, y, parent)
	n.end = s.pos
	if n.anchor != "" && s.nodes[n.anchor] == n {
		delete(s.pending, n.anchor)
	}
	return n, err
}

func (s *scanner) content(n *node, y *yaml.Node, parent int) error {
	switch y.Kind {
	case yaml.ScalarNode:
		return s.scalar(n, y, parent)
	case yaml.AliasNode:
		return s.alias(n, y)
	case yaml.MappingNode:
		n.kind, n.flow = mapping, y.Style&yaml.FlowStyle != 0
		if n.flow {
			return s.flowMapping(n, y)
		}
		return s.blockMapping(n, y)
	case yaml.SequenceNode:
		n.kind, n.flow = sequence, y.Style&yaml.FlowStyle != 0
		if n.flow {
			return s.flowSequence(n, y)
		}
		return s.blockSequence(n, y)
	}
	return errPlace
}

// properties returns the offset behind the anchor and the tag of y.
func (s *scanner) properties(y *yaml.Node) int {
	p, end := s.pos, s.pos
	anchors, tags := y.Anchor != "", y.Style&yaml.TaggedStyle != 0 || y.Kind == yaml.ScalarNode
	for {
		switch c := s.src.at(p); {
		case c == '&' && anchors:
			anchors = false
		case c == '!' && tags:
			tags = false
		default:
			return end
		}
		for !s.src.blankOrBreak(p) && !bytes.ContainsRune([]byte(",[]{}"), rune(s.src[p])) {
			p++
		}
		end = p
		p = s.src.trivia(p)
	}
}

func (s *scanner) alias(n *node, y *yaml.Node) error {
	if s.src.at(s.pos) != '*' || !bytes.HasPrefix(s.src[s.pos+1:], []byte(y.Value)) {
		return errPlace
	}
	if s.pending[y.Value] {
		return fmt.Errorf("the anchor %q contains itself", y.Value)
	}
	s.pos += 1 + len(y.Value)
	n.kind, n.aliases = alias, true
	n.target = s.nodes[y.Value]
	if n.target == nil {
		return fmt.Errorf("the anchor %q is not known", y.Value)
	}
	n.value = n.target.value
	return nil
}

// expect moves behind c, which has to be the next token.
func (s *scanner) expect(c byte) error {
	s.pos = s.src.trivia(s.pos)
	if s.src.at(s.pos) != c {
		return errPlace
	}
	s.pos++
	return nil
}
