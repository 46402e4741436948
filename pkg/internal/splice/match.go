package splice

import "encoding/json"

// slot is one element of the wanted collection and where it comes from.
type slot struct {
	old   int // the child that becomes it, -1 for none
	moved bool
	merge bool
	key   string // of an entry
	want  any
}

// identities are the keys by which Kubernetes tells the items of its lists
// apart (patchMergeKey and listMapKey in k8s.io/api, v0.35.0), the most
// telling first.
func identities() []string { return []string{"name", "mountPath", "containerPort", "key", "ip"} }

// match finds for every wanted item the item that it was.
func match(n *node, want []any) []slot {
	old := make([]any, len(n.children))
	for i := range n.children {
		old[i] = n.children[i].val.value
	}
	slots := make([]slot, len(want))
	for i, w := range want {
		slots[i] = slot{old: -1, want: w}
	}
	oldIDs, wantIDs := names(old, want)
	for _, pair := range common(oldIDs, wantIDs) {
		slots[pair[1]].old = pair[0]
	}
	matchMoved(slots, oldIDs, wantIDs)
	matchGaps(slots, old)
	return slots
}

// names gives each item of both lists a name: the value of the first identity
// key that all maps have and that differs within each list, else all that the
// item holds.
func names(old, want []any) (oldIDs, wantIDs []string) {
	for _, key := range identities() {
		if unique(old, key) && unique(want, key) {
			return namesBy(old, key), namesBy(want, key)
		}
	}
	return namesBy(old, ""), namesBy(want, "")
}

func unique(list []any, key string) bool {
	seen := make(map[string]bool, len(list))
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		id, ok := m[key]
		if !ok || isCollection(id) || seen[content(id)] {
			return false
		}
		seen[content(id)] = true
	}
	return true
}

func namesBy(list []any, key string) []string {
	ids := make([]string, len(list))
	for i, v := range list {
		if m, ok := v.(map[string]any); ok && key != "" {
			v = m[key]
		}
		ids[i] = content(v)
	}
	return ids
}

// content returns a text that is the same for equal values.
func content(v any) string {
	switch t := v.(type) {
	case string:
		return "s" + t
	case map[string]any, []any:
		text, err := json.Marshal(plainNumbers(t))
		if err != nil {
			return ""
		}
		return "j" + string(text)
	}
	return "w" + wordText(v)
}

// plainNumbers writes all numbers alike.
func plainNumbers(v any) any {
	switch t := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(t))
		for k, e := range t {
			m[k] = plainNumbers(e)
		}
		return m
	case []any:
		list := make([]any, len(t))
		for i, e := range t {
			list[i] = plainNumbers(e)
		}
		return list
	case nil, bool, string:
		return v
	}
	return json.Number(wordText(v))
}

// matchMoved pairs the items that are left and have the same name.
func matchMoved(slots []slot, oldIDs, wantIDs []string) {
	used := make([]bool, len(oldIDs))
	for _, s := range slots {
		if s.old >= 0 {
			used[s.old] = true
		}
	}
	free := map[string][]int{}
	for i, id := range oldIDs {
		if !used[i] {
			free[id] = append(free[id], i)
		}
	}
	for i := range slots {
		if list := free[wantIDs[i]]; slots[i].old < 0 && len(list) > 0 {
			slots[i].old, slots[i].moved = list[0], true
			free[wantIDs[i]] = list[1:]
		}
	}
}

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
	if len(free) != added && len(free)*added > maxCells/16 {
		return
	}
	for i := range slots {
		if slots[i].old >= 0 {
			continue
		}
		for k, j := range free {
			if alike(old[j], slots[i].want, len(free) == added) {
				slots[i].old = j
				free = free[k+1:]
				break
			}
			if len(free) == added {
				free = free[1:]
				break
			}
		}
		added--
	}
}

// alike reports whether b can be a after an edit: both scalars or both lists
// when as many come as go, or maps of which half the entries agree.
func alike(a, b any, even bool) bool {
	x, isMap := a.(map[string]any)
	y, ok := b.(map[string]any)
	if !isMap || !ok {
		return even && isMap == ok && isList(a) == isList(b)
	}
	if even {
		return true
	}
	same := 0
	for k, v := range x {
		if w, ok := y[k]; ok && equal(v, w) {
			same++
		}
	}
	return 2*same >= max(len(x), 1)
}
