package mesh

import (
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
)

// MergePatch is the JSON merge patch (RFC 7386) that makes one object of
// another: what Change.Fields holds. Lists are replaced whole. It shares
// nothing with either.
func MergePatch(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for key, old := range from {
		now, there := to[key]
		oldMap, oldIs := old.(map[string]any)
		nowMap, nowIs := now.(map[string]any)
		switch {
		case !there:
			patch[key] = nil
		case oldIs && nowIs:
			if inner := MergePatch(oldMap, nowMap); len(inner) > 0 {
				patch[key] = inner
			}
		case !reflect.DeepEqual(old, now):
			patch[key] = runtime.DeepCopyJSONValue(now)
		}
	}
	for key, now := range to {
		if _, there := from[key]; !there {
			patch[key] = runtime.DeepCopyJSONValue(now)
		}
	}
	return patch
}

// ApplyMergePatch applies a JSON merge patch (RFC 7386) in place; what it adds
// is shared with the patch.
func ApplyMergePatch(into, patch map[string]any) {
	for key, v := range patch {
		inner, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(into, key)
		case isMap:
			old, ok := into[key].(map[string]any)
			if !ok {
				old = map[string]any{}
				into[key] = old
			}
			ApplyMergePatch(old, inner)
		default:
			into[key] = v
		}
	}
}
