package cluster

import (
	"context"
	"encoding/json"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// sameAt reports whether two objects agree in the fields that a merge patch
// sets. What is null in the patch is a field too.
func sameAt(patch, a, b map[string]any) bool {
	for key, v := range patch {
		inner, isMap := v.(map[string]any)
		av, aIs := a[key].(map[string]any)
		bv, bIs := b[key].(map[string]any)
		if isMap && (aIs || a[key] == nil) && (bIs || b[key] == nil) {
			if !sameAt(inner, av, bv) {
				return false
			}
			continue
		}
		if !reflect.DeepEqual(a[key], b[key]) {
			return false
		}
	}
	return true
}

// difference is the merge patch that makes of one state of an object another,
// in what people write: the status and what the API server keeps for itself are
// left out.
func difference(from, to *unstructured.Unstructured) map[string]any {
	return mergePatch(content(from), content(to))
}

func mergePatch(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for key, old := range from {
		now, there := to[key]
		oldMap, oldIs := old.(map[string]any)
		nowMap, nowIs := now.(map[string]any)
		switch {
		case !there:
			patch[key] = nil
		case oldIs && nowIs:
			if inner := mergePatch(oldMap, nowMap); len(inner) > 0 {
				patch[key] = inner
			}
		case !reflect.DeepEqual(old, now):
			patch[key] = now
		}
	}
	for key, now := range to {
		if _, there := from[key]; !there {
			patch[key] = now
		}
	}
	return patch
}

// content is an object without what nobody writes.
func content(o *unstructured.Unstructured) map[string]any {
	c := runtime.DeepCopyJSON(o.Object)
	delete(c, "status")
	if meta, ok := c["metadata"].(map[string]any); ok {
		for _, key := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
			delete(meta, key)
		}
	}
	return c
}

// predicted is what a step makes of its object, for a write whose answer never
// came.
func (s *step) predicted() *unstructured.Unstructured {
	if s.Write != mesh.Patch || s.Before == nil {
		return s.Object
	}
	o := s.Before.DeepCopy()
	merge(o.Object, runtime.DeepCopyJSON(s.Fields))
	return o
}

// merge applies a JSON merge patch (RFC 7386) in place.
func merge(into, patch map[string]any) {
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
			merge(old, inner)
		default:
			into[key] = v
		}
	}
}

// patchBack undoes a patch of the object in that version.
func (w *writer) patchBack(ctx context.Context, s *step, version string) error {
	raw, err := json.Marshal(versioned(difference(s.After, s.Before), version))
	if err != nil {
		return err
	}
	_, err = s.client.Patch(ctx, s.Ref.Name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: w.options.Manager})
	return err
}
