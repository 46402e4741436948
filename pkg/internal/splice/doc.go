// Package splice edits the text of one YAML or JSON document so that it parses
// to a wanted value, and leaves every byte that need not change: comments, key
// order, quoting, indentation, blank lines, line ends, anchors, flow style.
//
// A document is parsed, the places of its values are found in the text, and
// what differs from the wanted value becomes a list of edits. The document is
// never encoded as a whole. What the edits make is parsed again and compared
// with the wanted value before it is returned.
package splice
