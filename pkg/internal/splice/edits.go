package splice

import (
	"cmp"
	"slices"
)

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
	below      bool // the text is lines below the one that ends at start
	cut        bool // the bytes are whole lines
}

// splice applies edits to src, whose first byte has the offset base in them.
// Additions at the same place are made in their order. It returns false when
// they overlap.
func splice(src text, base int, edits []edit) ([]byte, bool) {
	if len(edits) == 0 {
		return src, true
	}
	edits = slices.Clone(edits)
	liftBelow(src, base, edits)
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(min(a.end-a.start, 1), min(b.end-b.start, 1)))
	})
	size := len(src)
	for _, e := range edits {
		size += len(e.text)
	}
	out := make([]byte, 0, size)
	at := base
	for _, e := range edits {
		if e.start < at || e.end < e.start || e.end > base+len(src) {
			return nil, false
		}
		out = append(out, src[at-base:e.start-base]...)
		out = append(out, e.text...)
		at = e.end
	}
	return append(out, src[at-base:]...), true
}

// liftBelow moves lines that are added below a line that goes to the end of
// the last line above that stays.
func liftBelow(src text, base int, edits []edit) {
	var cuts []edit
	for _, e := range edits {
		if e.cut {
			cuts = append(cuts, e)
		}
	}
	slices.SortFunc(cuts, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	for i := range edits {
		if !edits[i].below {
			continue
		}
		for _, c := range cuts {
			if p := edits[i].start; p > c.start && p < c.end {
				p = c.start - src.breakBefore(c.start-base)
				edits[i].start, edits[i].end = p, p
			}
		}
	}
}
