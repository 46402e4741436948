package cluster

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// document is a part of a file that can be read by itself.
type document struct {
	text []byte
	line int // of its first line, from 1
}

var bom = []byte{0xef, 0xbb, 0xbf} // never written to

// split cuts what r holds at YAML's document marks (--- at the start of a
// line). The logs that kubectl cluster-info dump puts between its lists are
// left out. It stops at the first error of emit.
func split(r io.Reader, emit func(document) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	cur := document{line: 1}
	flush := func(next int) error {
		d := cur
		cur = document{line: next}
		if blank(d.text) {
			return nil
		}
		return emit(d)
	}
	var logs []byte // how the log ends that is being passed over
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, bom)
		}
		switch rest, mark := marked(line); {
		case logs != nil:
			if bytes.HasSuffix(bytes.TrimRight(line, "\r\n"), logs) {
				logs = nil
			}
		case bytes.HasPrefix(line, []byte("==== START logs for ")):
			logs = bytes.Replace(bytes.TrimRight(line, "\r\n"), []byte("START"), []byte("END"), 1)
			if err := flush(n + 1); err != nil {
				return err
			}
		case mark:
			if err := flush(n); err != nil {
				return err
			}
			cur.text = append(cur.text, rest...)
		default:
			cur.text = append(cur.text, line...)
		}
		if err != nil {
			return flush(n)
		}
	}
}

// marked reports whether a line begins a document, and what of the document
// stands on that line.
func marked(line []byte) (rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(line, []byte("---"))
	if !ok || len(rest) > 0 && !bytes.ContainsAny(rest[:1], " \t\r\n") {
		return nil, false
	}
	if len(rest) == 0 {
		return []byte{'\n'}, true
	}
	return rest, true
}

// blank reports whether a document holds nothing but comments.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("...")) {
			return false
		}
	}
	return true
}
