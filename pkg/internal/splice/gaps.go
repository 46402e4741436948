package splice

// matchGaps pairs, between two items that stay, the ones that go with the ones
// that come, where they are alike enough for the one to be the other, edited.
func matchGaps(slots []slot, old []any) {
	used := make([]bool, len(old))
	for _, s := range slots {
		if s.old >= 0 {
			used[s.old] = true
		}
	}
	next := 0 // the first old item behind the last pair
	for i := 0; i < len(slots); {
		if slots[i].old >= 0 {
			if !slots[i].moved {
				next = slots[i].old + 1
			}
			i++
			continue
		}
		end, stop := i, len(old)
		for end < len(slots) && (slots[end].old < 0 || slots[end].moved) {
			end++
		}
		if end < len(slots) {
			stop = slots[end].old
		}
		pairGap(slots[i:end], old, used, next, stop)
		i = end
	}
}

func pairGap(slots []slot, old []any, used []bool, next, stop int) {
	var free []int
	for j := next; j < stop; j++ {
		if !used[j] {
			free = append(free, j)
		}
	}
	added := 0
	for _, s := range slots {
		if s.old < 0 {
			added++
		}
	}
	even := len(free) == added
	if !even && len(free)*added > maxCells/16 {
		return
	}
	for i := range slots {
		if slots[i].old >= 0 {
			continue
		}
		for k, j := range free {
			if alike(old[j], slots[i].want, even) {
				slots[i].old = j
				free = free[k+1:]
				break
			}
			if even {
				free = free[1:]
				break
			}
		}
	}
}

// alike reports whether b can be a after an edit: values of the same kind when
// as many come as go, else maps or lists of which half is left.
func alike(a, b any, even bool) bool {
	if isMap(a) != isMap(b) || isList(a) != isList(b) {
		return false
	}
	return even || isCollection(a) && left(a, b) >= 0.5
}

// left returns how much of a is left in b, from 0 to 1.
func left(a, b any) float64 {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) == 0 {
			break
		}
		sum := 0.0
		for k, v := range x {
			if w, ok := y[k]; ok {
				sum += left(v, w)
			}
		}
		return sum / float64(len(x))
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) == 0 {
			break
		}
		return float64(len(common(names(x, y)))) / float64(len(x))
	}
	if equal(a, b) {
		return 1
	}
	return 0
}
