package splice

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

func (s *scanner) flowMapping(n *node, y *yaml.Node) error {
	n.bare = s.src.at(s.pos) != '{'
	if !n.bare {
		s.pos++
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if i > 0 {
			if err := s.expect(','); err != nil {
				return err
			}
		}
		if err := s.entry(n, y.Content[i], y.Content[i+1], n.col); err != nil {
			return err
		}
	}
	if !n.bare {
		if err := s.closing('}'); err != nil {
			return err
		}
	}
	return s.mapValue(n)
}

func (s *scanner) flowSequence(n *node, y *yaml.Node) error {
	if err := s.expect('['); err != nil {
		return err
	}
	for i, item := range y.Content {
		if i > 0 {
			if err := s.expect(','); err != nil {
				return err
			}
		}
		s.pos = s.src.trivia(s.pos)
		if err := s.item(n, item, s.pos, n.col); err != nil {
			return err
		}
		n.children[i].start = n.children[i].val.start
	}
	collect(n)
	return s.closing(']')
}

// closing moves behind a bracket that a comma may precede.
func (s *scanner) closing(c byte) error {
	s.pos = s.src.trivia(s.pos)
	if s.src.at(s.pos) == ',' {
		s.pos++
	}
	return s.expect(c)
}

// lineOf counts lines for messages.
func (s *scanner) lineOf(p int) int {
	return bytes.Count(s.src[:p], []byte("\n")) + 1
}
