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
	return mesh.MergePatch(content(from), content(to))
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
	mesh.ApplyMergePatch(o.Object, runtime.DeepCopyJSON(s.Fields))
	return o
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
