package splice

import "unicode/utf8"

// text is the document's bytes, with what is needed to move about in lines.
// Lines end where YAML 1.1 ends them: LF, CR, CRLF, NEL, LS and PS.
type text []byte

// at returns the byte at p, 0 behind the end.
func (t text) at(p int) byte {
	if p < 0 || p >= len(t) {
		return 0
	}
	return t[p]
}

// lineBreak returns the length of the line break at p, 0 if there is none.
func (t text) lineBreak(p int) int {
	switch t.at(p) {
	case '\n':
		return 1
	case '\r':
		if t.at(p+1) == '\n' {
			return 2
		}
		return 1
	case 0xC2:
		if t.at(p+1) == 0x85 {
			return 2
		}
	case 0xE2:
		if t.at(p+1) == 0x80 && (t.at(p+2) == 0xA8 || t.at(p+2) == 0xA9) {
			return 3
		}
	}
	return 0
}

// breakBefore returns the length of the line break that ends at p.
func (t text) breakBefore(p int) int {
	for _, n := range [...]int{2, 1, 3} {
		if p >= n && t.lineBreak(p-n) == n {
			return n
		}
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// blankOrBreak reports whether p is at white space or at the end.
func (t text) blankOrBreak(p int) bool {
	return p >= len(t) || isBlank(t[p]) || t.lineBreak(p) > 0
}

// lineStart returns where the line that p is in begins.
func (t text) lineStart(p int) int {
	for p > 0 && t.breakBefore(p) == 0 {
		p--
	}
	return p
}

// lineEnd returns where the line that p is in ends, before its break.
func (t text) lineEnd(p int) int {
	for p < len(t) && t.lineBreak(p) == 0 {
		p++
	}
	return p
}

// nextLine returns the start of the line behind the one that p is in, and
// false when there is none.
func (t text) nextLine(p int) (int, bool) {
	p = t.lineEnd(p)
	n := t.lineBreak(p)
	return p + n, n > 0 && p+n < len(t)
}

// column counts the characters between the start of the line and p.
func (t text) column(p int) int {
	return utf8.RuneCount(t[t.lineStart(p):p])
}

// blanks skips spaces and tabs.
func (t text) blanks(p int) int {
	for isBlank(t.at(p)) {
		p++
	}
	return p
}

// trivia skips white space, line breaks and comments.
func (t text) trivia(p int) int {
	for p < len(t) {
		if n := t.lineBreak(p); n > 0 {
			p += n
			continue
		}
		switch {
		case isBlank(t[p]):
			p++
		case t[p] == '#':
			p = t.lineEnd(p)
		default:
			return p
		}
	}
	return p
}

// rest returns the end of the line that p is in, and whether nothing but white
// space and a comment stands between.
func (t text) rest(p int) (end int, free bool) {
	i := t.blanks(p)
	return t.lineEnd(i), i >= len(t) || t[i] == '#' || t.lineBreak(i) > 0
}

// first reports whether nothing but white space stands before p on its line.
func (t text) first(p int) bool {
	return t.blanks(t.lineStart(p)) == p
}

// commentLine returns the column of the comment that is all there is on the
// line beginning at p.
func (t text) commentLine(p int) (col int, ok bool) {
	i := t.blanks(p)
	return i - p, t.at(i) == '#'
}

// blankLine reports whether the line beginning at p has nothing on it.
func (t text) blankLine(p int) bool {
	i := t.blanks(p)
	return i >= len(t) || t.lineBreak(i) > 0
}

// multiline reports whether there is a line break between two offsets.
func (t text) multiline(from, to int) bool {
	for ; from < to; from++ {
		if t.lineBreak(from) > 0 {
			return true
		}
	}
	return false
}
