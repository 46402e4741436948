package splice

// kind says what a node is.
type kind uint8

const (
	scalar kind = iota
	mapping
	sequence
	alias
)

// node is a value of the document and the place of its text.
type node struct {
	kind  kind
	value any // as Kubernetes reads it; an alias has its target's

	start int // where its anchor or tag begins, or else its text
	props int // where its anchor and tag end; start where it has none
	body  int // where its text begins: a scalar, a bracket, a first key or dash
	end   int // where its text ends

	flow   bool   // a mapping in braces, a sequence in brackets
	bare   bool   // the mapping [a: b], which has no braces
	quote  byte   // of a scalar: ' " | > or 0
	col    int    // of the keys or dashes in block style; of a block scalar's lines
	anchor string // its name
	tagged bool   // it has a tag
	text   bool   // its tag is !, which makes any scalar a string
	target *node  // of an alias

	aliases  bool // there is an alias in it
	merged   int  // how many entries there are down to the last <<
	children []child
	index    map[string]int // of a large mapping, see find

	// kept is set when the text stays and will read as want, so that aliases
	// of this node can stay where they want the same.
	kept bool
	want any
}

// child is an entry of a mapping or an item of a sequence.
type child struct {
	start int    // where its key, its ? or its dash begins; in a flow sequence its value
	after int    // the offset behind its colon or dash; -1 where it has none
	key   string // as Kubernetes reads it
	merge bool   // the key is <<
	val   *node
}

// empty reports whether n is written as nothing at all, like the value of
// "key:".
func (n *node) empty() bool {
	return n.kind == scalar && n.quote == 0 && n.start == n.end
}

// block reports whether n is a collection in block style.
func (n *node) block() bool {
	return (n.kind == mapping || n.kind == sequence) && !n.flow
}

// add appends an entry or an item.
func (n *node) add(c child) {
	if n.kind == mapping && !c.merge {
		if n.index == nil && len(n.children) == manyKeys {
			n.index = make(map[string]int, 2*manyKeys)
			for i := range n.children {
				if !n.children[i].merge {
					n.index[n.children[i].key] = i
				}
			}
		}
		if n.index != nil {
			n.index[c.key] = len(n.children)
		}
	}
	n.aliases = n.aliases || c.val.aliases
	n.children = append(n.children, c)
	if c.merge {
		n.merged = len(n.children)
	}
}

// manyKeys is from how many keys on a map finds them faster than a loop.
const manyKeys = 16

// find returns the entry that has the key, or -1.
func (n *node) find(key string) int {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range n.children {
		if c := &n.children[i]; c.key == key && !c.merge {
			return i
		}
	}
	return -1
}
