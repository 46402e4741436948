package splice

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

func (s *scanner) blockMapping(n *node, y *yaml.Node) error {
	n.children = make([]child, 0, len(y.Content)/2)
	n.col = s.src.column(n.body)
	for i := 0; i+1 < len(y.Content); i += 2 {
		if err := s.entry(n, y.Content[i], y.Content[i+1], n.col); err != nil {
			return err
		}
	}
	return s.mapValue(n)
}

// entry scans a key and its value and appends them to n.
func (s *scanner) entry(n *node, key, val *yaml.Node, col int) error {
	s.pos = s.src.trivia(s.pos)
	c := child{start: s.pos, after: -1}
	if s.src.at(s.pos) == '?' && s.src.blankOrBreak(s.pos+1) {
		s.pos++
	}
	k, err := s.node(key, col)
	if err != nil {
		return err
	}
	if k.kind == mapping || k.kind == sequence || isCollection(k.value) {
		return fmt.Errorf("line %d: a key is not a string", key.Line)
	}
	c.merge = k.kind == scalar && key.Value == "<<" && k.quote == 0 && (!k.tagged || key.ShortTag() == "!!merge")
	if c.key, err = keyString(k.value); err != nil {
		return fmt.Errorf("line %d: %w", key.Line, err)
	}
	if !c.merge && n.find(c.key) >= 0 {
		return fmt.Errorf("line %d: the key %q is there twice", key.Line, c.key)
	}
	end := s.pos
	if s.expect(':') == nil {
		c.after = s.pos
	} else {
		s.pos = end
	}
	if c.val, err = s.node(val, col); err != nil {
		return err
	}
	if c.after < 0 && !c.val.empty() {
		return errPlace
	}
	n.aliases = n.aliases || k.aliases
	n.add(c)
	return nil
}

func (s *scanner) blockSequence(n *node, y *yaml.Node) error {
	n.children = make([]child, 0, len(y.Content))
	n.col = s.src.column(n.body)
	for _, item := range y.Content {
		if err := s.expect('-'); err != nil {
			return err
		}
		if err := s.item(n, item, s.pos-1, n.col); err != nil {
			return err
		}
	}
	collect(n)
	return nil
}

func (s *scanner) item(n *node, item *yaml.Node, start, col int) error {
	c := child{start: start, after: s.pos}
	val, err := s.node(item, col)
	if err != nil {
		return err
	}
	c.val = val
	n.add(c)
	return nil
}

// mapValue gives n the value that Kubernetes reads: go.yaml.in/yaml/v2
// (decode.go, v2.4.3) sets keys in the order of the text, merged ones where
// the << stands.
func (s *scanner) mapValue(n *node) error {
	value := make(map[string]any, len(n.children))
	for i := range n.children {
		c := &n.children[i]
		if !c.merge {
			value[c.key] = c.val.value
			continue
		}
		n.aliases = true
		maps, ok := mergedMaps(c.val.value)
		if !ok {
			return fmt.Errorf("line %d: what << merges is not a map", s.lineOf(c.start))
		}
		for _, m := range maps {
			for k, v := range m {
				value[k] = v
			}
		}
	}
	n.value = value
	return nil
}

// mergedMaps returns the maps that a merge key's value names, the one that
// wins last.
func mergedMaps(v any) ([]map[string]any, bool) {
	if m, ok := v.(map[string]any); ok {
		return []map[string]any{m}, true
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	maps := make([]map[string]any, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		m, ok := list[i].(map[string]any)
		if !ok {
			return nil, false
		}
		maps = append(maps, m)
	}
	return maps, true
}
