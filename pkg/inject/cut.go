package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// part is a stretch of a text: a document, or what stands between two.
type part struct {
	text  []byte
	holds bool // a document
}

// cut cuts a text so that its parts in order are the text again. Marks
// (---, and ... at a document's end), and what has nothing but comments and
// directives, are parts of their own.
func cut(data []byte) []part {
	if at := len(data) - len(bytes.TrimLeft(data, "\ufeff \t\r\n")); bytes.HasPrefix(data[at:], []byte("{")) {
		if parts, ok := jsonDocuments(data, at); ok {
			return parts
		}
	}
	var parts []part
	begin := 0
	flush := func(end int) {
		if end > begin {
			text := data[begin:end]
			parts = append(parts, part{text, !blank(text)})
		}
		begin = end
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		parts, begin = append(parts, part{text: data[:3]}), 3
	}
	for at := begin; at < len(data); {
		end := len(data)
		if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		if mark := markLength(data[at:end]); mark > 0 {
			flush(at)
			parts = append(parts, part{text: data[at : at+mark]})
			begin = at + mark
		}
		at = end
	}
	flush(len(data))
	return parts
}

// markLength is how much of a line is a mark, of a document's begin or end: all
// of it, unless the document begins on the same line; 0 for none.
func markLength(line []byte) int {
	rest, begins := bytes.CutPrefix(line, []byte("---"))
	if !begins {
		var ends bool
		if rest, ends = bytes.CutPrefix(line, []byte("...")); !ends {
			return 0
		}
	}
	switch t := bytes.TrimLeft(rest, " \t"); {
	case len(bytes.TrimRight(t, "\r\n")) == 0, len(t) < len(rest) && t[0] == '#':
		return len(line)
	case begins && len(t) < len(rest):
		return len(line) - len(t)
	}
	return 0
}

// blank reports whether a text has nothing but white space, comments and
// directives.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		t := bytes.TrimSpace(line)
		if len(t) > 0 && t[0] != '#' && t[0] != '%' {
			return false
		}
	}
	return true
}

// jsonDocuments cuts JSON values that stand one after the other. It is not ok
// for what is no JSON: YAML may begin with a brace too.
func jsonDocuments(data []byte, at int) ([]part, bool) {
	parts := []part{}
	if at > 0 {
		parts = append(parts, part{text: data[:at]})
	}
	dec := json.NewDecoder(bytes.NewReader(data[at:]))
	for begin := at; ; {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		end := at + int(dec.InputOffset())
		if errors.Is(err, io.EOF) {
			if begin < len(data) {
				parts = append(parts, part{text: data[begin:]})
			}
			return parts, true
		}
		if err != nil {
			return nil, false
		}
		if gap := end - len(raw); gap > begin {
			parts = append(parts, part{text: data[begin:gap]})
			begin = gap
		}
		parts = append(parts, part{data[begin:end], true})
		begin = end
	}
}

// offset is where a line, from 0, begins.
func offset(text []byte, line int) int {
	at := 0
	for l := range bytes.Lines(text) {
		if line == 0 {
			break
		}
		line--
		at += len(l)
	}
	return at
}

// firstLine is the line, from 0, in which a document's content begins.
func firstLine(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if !blank(line) {
			return n
		}
		n++
	}
	return 0
}
