package splice

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// quoteOf returns the character that begins the scalar's text, 0 for a plain
// scalar.
func quoteOf(y *yaml.Node) byte {
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return '"'
	case y.Style&yaml.SingleQuotedStyle != 0:
		return '\''
	case y.Style&yaml.LiteralStyle != 0:
		return '|'
	case y.Style&yaml.FoldedStyle != 0:
		return '>'
	}
	return 0
}

// scalar gives n its value and moves behind its text.
func (s *scanner) scalar(n *node, y *yaml.Node, parent int) error {
	n.kind = scalar
	n.quote = quoteOf(y)
	switch {
	case n.tagged:
		v, err := resolveTagged(y.Tag, y.Value)
		if err != nil {
			return err
		}
		n.value = v
	case n.quote != 0, n.text:
		n.value = y.Value
	default:
		n.value = resolve(y.Value)
	}
	if n.quote == 0 {
		return s.plain(y.Value)
	}
	if s.src.at(s.pos) != n.quote {
		return errPlace
	}
	switch n.quote {
	case '"':
		return s.doubleQuoted()
	case '\'':
		return s.singleQuoted()
	}
	s.blockScalar(n, parent)
	return nil
}

func (s *scanner) doubleQuoted() error {
	for p := s.pos + 1; p < len(s.src); p++ {
		switch s.src[p] {
		case '\\':
			p++
		case '"':
			s.pos = p + 1
			return nil
		}
	}
	return errPlace
}

func (s *scanner) singleQuoted() error {
	for p := s.pos + 1; p < len(s.src); p++ {
		if s.src[p] != '\'' {
			continue
		}
		if s.src.at(p+1) == '\'' {
			p++
			continue
		}
		s.pos = p + 1
		return nil
	}
	return errPlace
}

// plain moves behind a plain scalar: the text that folds to value.
func (s *scanner) plain(value string) error {
	p := s.pos
	for i := 0; i < len(value); {
		if p >= len(s.src) {
			return errPlace
		}
		breaks, next := s.fold(p)
		if breaks > 0 {
			want := strings.Repeat("\n", breaks-1)
			if breaks == 1 {
				want = " "
			}
			if !strings.HasPrefix(value[i:], want) {
				return errPlace
			}
			i += len(want)
			p = next
			continue
		}
		if s.src[p] != value[i] {
			return errPlace
		}
		p++
		i++
	}
	s.pos = p
	return nil
}

// fold counts the line breaks in the white space at p and says where it ends.
func (s *scanner) fold(p int) (breaks, next int) {
	next = s.src.blanks(p)
	for {
		n := s.src.lineBreak(next)
		if n == 0 {
			return breaks, next
		}
		breaks++
		next = s.src.blanks(next + n)
	}
}

// blockScalar moves behind the last line of a literal or folded scalar. The
// blank lines behind it belong to it only where its header keeps them.
func (s *scanner) blockScalar(n *node, parent int) {
	keep, indent := false, 0
	p := s.pos + 1
	for ; p < len(s.src) && strings.IndexByte("+-123456789", s.src[p]) >= 0; p++ {
		switch c := s.src[p]; c {
		case '+':
			keep = true
		case '-':
		default:
			indent = max(parent, 0) + int(c-'0')
		}
	}
	end := s.src.lineEnd(p)
	s.pos = end
	for {
		next, ok := s.src.nextLine(end)
		if !ok {
			break
		}
		col := 0
		for s.src.at(next+col) == ' ' {
			col++
		}
		end = s.src.lineEnd(next + col)
		if end == next+col && (indent == 0 || col <= indent) {
			if keep {
				s.pos = end
			}
			continue
		}
		if indent == 0 {
			if col <= parent || col == 0 {
				break
			}
			indent = col
		}
		if col < indent {
			break
		}
		s.pos = end
	}
	n.col = indent
}
