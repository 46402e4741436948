package splice

import "encoding/json"

// slot is one element of the wanted collection and where it comes from.
type slot struct {
	old   int // the child that becomes it, -1 for none
	moved bool
	stays bool   // the child is not to be edited
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

// names gives each item of both lists a name: the value of an identity key, or
// all that the item holds. The key is the first one that every map has, else
// the first one that some have, and differs within each list.
func names(old, want []any) (oldIDs, wantIDs []string) {
	some := ""
	for _, key := range identities() {
		a, unique := having(old, key)
		b, too := having(want, key)
		if !unique || !too {
			continue
		}
		if a == countMaps(old) && b == countMaps(want) {
			return namesBy(old, key), namesBy(want, key)
		}
		if some == "" && a > 0 && b > 0 {
			some = key
		}
	}
	return namesBy(old, some), namesBy(want, some)
}

// having counts the maps that have a scalar under the key, and tells whether
// it differs in all of them.
func having(list []any, key string) (count int, unique bool) {
	seen := make(map[string]bool, len(list))
	for _, v := range list {
		id, ok := identity(v, key)
		if !ok {
			continue
		}
		if seen[id] {
			return count, false
		}
		seen[id] = true
		count++
	}
	return count, true
}

func countMaps(list []any) int {
	count := 0
	for _, v := range list {
		if isMap(v) {
			count++
		}
	}
	return count
}

func identity(v any, key string) (string, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return "", false
	}
	id, ok := m[key]
	if !ok || isCollection(id) {
		return "", false
	}
	return "n" + content(id), true
}

func namesBy(list []any, key string) []string {
	ids := make([]string, len(list))
	for i, v := range list {
		id, ok := identity(v, key)
		if !ok {
			id = content(v)
		}
		ids[i] = id
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
