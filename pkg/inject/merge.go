package inject

import (
	"cmp"
	"fmt"
	"reflect"

	core "k8s.io/api/core/v1"
)

// merge carries a change over: what differs between was and is, both complete
// with defaults and without unknown fields, is done to own, which lacks the
// first and keeps the second. Nothing is changed in place.
func merge(own, was, is any) any {
	if reflect.DeepEqual(was, is) {
		return own
	}
	switch is := is.(type) {
	case map[string]any:
		o, okOwn := own.(map[string]any)
		w, okWas := was.(map[string]any)
		if okOwn && okWas {
			return mergeMaps(o, w, is)
		}
	case []any:
		o, okOwn := own.([]any)
		w, okWas := was.([]any)
		if okOwn && okWas && len(o) == len(w) {
			return mergeLists(o, w, is)
		}
	}
	return is
}

func mergeMaps(own, was, is map[string]any) map[string]any {
	out := make(map[string]any, len(own)+len(is))
	for key, v := range own {
		if _, gone := was[key]; gone {
			if _, stays := is[key]; !stays {
				continue
			}
		}
		out[key] = v
	}
	for key, v := range is {
		before, had := was[key]
		o, has := own[key]
		switch {
		case had && reflect.DeepEqual(before, v):
		case had && has:
			out[key] = merge(o, before, v)
		case had && isMap(before) && isMap(v): // of which own has no part: what is new of it
			out[key] = mergeMaps(nil, before.(map[string]any), v.(map[string]any))
		default:
			out[key] = v
		}
	}
	return out
}

func isMap(v any) bool { _, ok := v.(map[string]any); return ok }

// mergeLists puts the items into the order of is; each stands for the item of
// was that is called the same.
func mergeLists(own, was, is []any) []any {
	used := make([]bool, len(was))
	out := make([]any, 0, len(is))
	for _, v := range is {
		at := partner(was, used, v)
		if at < 0 {
			out = append(out, v)
			continue
		}
		used[at] = true
		out = append(out, merge(own[at], was[at], v))
	}
	return out
}

// partner finds the unused item that a value continues: an equal one, else one
// called the same.
func partner(items []any, used []bool, v any) int {
	same := -1
	id := identity(v)
	for i, o := range items {
		if used[i] {
			continue
		}
		if reflect.DeepEqual(o, v) {
			return i
		}
		if same < 0 && id != "" && identity(o) == id {
			same = i
		}
	}
	return same
}

// identity is what a list's items are told apart by; empty for what has none.
// Ports are TCP's unless they say otherwise.
func identity(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, key := range []string{"name", "mountPath", "devicePath", "containerPort", "key", "ip", "topologyKey"} {
		if value, ok := m[key]; ok {
			return fmt.Sprint(key, "=", value, " ", cmp.Or(text(m["protocol"]), string(core.ProtocolTCP)))
		}
	}
	return ""
}
