package splice

// behind returns the end of the last line of the block that ends at p and
// whose lines begin at column col or deeper: comment lines that follow at once
// and are indented as deep belong to it, but not where they stand at the
// column of the line below them, to which they then belong. At column 0 they
// belong to the document.
func (t text) behind(p, col int) int {
	end, _ := t.rest(p)
	type comment struct{ col, end int }
	var comments []comment
	line := end
	next := -1 // the column of the line below the comments
	for {
		start, ok := t.nextLine(line)
		if !ok || t.blankLine(start) {
			break
		}
		c, ok := t.commentLine(start)
		if !ok || c < col {
			next = c
			break
		}
		line = t.lineEnd(start)
		comments = append(comments, comment{c, line})
	}
	for len(comments) > 0 {
		last := comments[len(comments)-1]
		if last.col != next && last.col > 0 {
			return last.end
		}
		comments = comments[:len(comments)-1]
	}
	return end
}

// above returns the start of the line of p, or of the comment lines directly
// above it that stand at the same column. floor is where it stops.
func (t text) above(p, floor int) int {
	line := t.lineStart(p)
	col := p - line
	for line > floor {
		prev := t.lineStart(line - t.breakBefore(line))
		if c, ok := t.commentLine(prev); !ok || c != col || prev < floor {
			break
		}
		line = prev
	}
	return line
}

// prevBlank returns the start of the line above the one that begins at line,
// if that is blank.
func (t text) prevBlank(line int) (int, bool) {
	if line == 0 {
		return 0, false
	}
	prev := t.lineStart(line - t.breakBefore(line))
	return prev, t.blankLine(prev)
}

// lines returns what to cut so that the lines from start to the end of a line
// are gone, with one of the blank lines where they would leave two.
func (t text) lines(start, end int) (from, to int) {
	to = end + t.lineBreak(end)
	if prev, ok := t.prevBlank(start); ok && t.blankLine(to) {
		return prev, to
	}
	return start, to
}
