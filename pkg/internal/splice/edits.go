package splice

import (
	"cmp"
	"slices"
)

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
	below      bool // start is the end of a line, and the lines below it are meant
	cut        bool // the bytes are whole lines, with their line breaks
	at         *path
}

// splice applies edits to src, whose first byte has the offset base in them.
// Additions at the same place are made in their order. Where edits overlap, it
// returns the one that cannot be made.
func splice(src text, base int, edits []edit) ([]byte, *edit) {
	if len(edits) == 0 {
		return src, nil
	}
	edits = settle(src, base, edits)
	size := len(src)
	for _, e := range edits {
		size += len(e.text)
	}
	out := make([]byte, 0, size)
	at := base
	for _, e := range edits {
		if e.start < at || e.end < e.start || e.end > base+len(src) {
			return nil, &e
		}
		out = append(out, src[at-base:e.start-base]...)
		out = append(out, e.text...)
		at = e.end
	}
	return append(out, src[at-base:]...), nil
}

// settle joins cuts that touch, moves lines that are added within a cut to the
// last line above it that stays, and sorts the edits.
func settle(src text, base int, edits []edit) []edit {
	cuts, others := cutsOf(src, base, edits)
	for i := range others {
		o := &others[i]
		for _, c := range cuts {
			if o.start != o.end || o.start <= c.start || o.start >= c.end {
				continue
			}
			o.start = c.start
			if o.below && !c.below {
				o.start -= src.breakBefore(c.start - base)
			}
			o.end = o.start
		}
	}
	all := append(others, cuts...)
	slices.SortStableFunc(all, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(min(a.end-a.start, 1), min(b.end-b.start, 1)))
	})
	return all
}

func cutsOf(src text, base int, edits []edit) (cuts, others []edit) {
	for _, e := range edits {
		if e.cut {
			cuts = append(cuts, e)
		} else {
			others = append(others, e)
		}
	}
	if len(cuts) == 0 {
		return nil, others
	}
	slices.SortFunc(cuts, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	joined := cuts[:1]
	for _, c := range cuts[1:] {
		if last := &joined[len(joined)-1]; c.start <= last.end {
			last.end = max(last.end, c.end)
			continue
		}
		joined = append(joined, c)
	}
	// Where the text does not end in a line break, the break above the lines
	// goes in place of the one that they lack.
	last := &joined[len(joined)-1]
	if limit := base + len(src); last.end >= limit && src.breakBefore(len(src)) == 0 {
		last.end = limit
		last.start -= src.breakBefore(last.start - base)
		last.below = true
	}
	return joined, others
}
