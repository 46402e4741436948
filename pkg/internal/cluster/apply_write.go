package cluster

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// tries is how often a write is sent again whose object changed, in fields that
// it does not touch, between reading and writing.
const tries = 5

// deadline bounds one call.
func deadline(q Query, cfg *rest.Config) time.Duration {
	switch {
	case q.Timeout > 0:
		return q.Timeout
	case cfg.Timeout > 0:
		return cfg.Timeout
	}
	return DefaultTimeout
}

func gvkOf(r mesh.Ref) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(r.APIVersion, r.Kind)
}

// read gets the object as it is.
func (w *writer) read(ctx context.Context, s *step) error {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	live, err := s.client.Get(ctx, s.Ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && (s.Write == mesh.Apply || s.Write == mesh.Create):
		s.Before = nil
		return nil
	case err != nil:
		return w.failed(s.Change, "get", err)
	}
	if s.Write == mesh.Delete && s.Before != nil && touched(s.Before, live) {
		return w.failed(s.Change, "delete", errTouched) // what goes with the object was not looked at
	}
	s.Before = live
	return nil
}

// touched reports whether an object was changed since it was looked at. Of kinds
// that are read without their version, what they say decides.
func touched(looked, live *unstructured.Unstructured) bool {
	if version := looked.GetResourceVersion(); version != "" {
		return version != live.GetResourceVersion()
	}
	return !reflect.DeepEqual(looked.Object["spec"], live.Object["spec"])
}

// dryRun has the API server do all but write.
func (w *writer) dryRun(ctx context.Context, s *step) error {
	after, err := w.send(ctx, s, true)
	if err != nil {
		return err
	}
	s.After = after
	if s.Before == nil && after != nil {
		after.SetUID("") // the one it will have is another
	}
	return nil
}

// write writes a step. What was there before is what this very write replaced:
// the write carries its resourceVersion. Where the object was changed since it
// was read, the write is sent again if what it touches is as it was; a deletion,
// which touches all of it, is not.
func (w *writer) write(ctx context.Context, s *step) error {
	var err error
	for range tries {
		var after *unstructured.Unstructured
		if after, err = w.send(ctx, s, false); err == nil {
			s.After, s.written = after, true
			return nil
		}
		if !outdated(err) || s.Before == nil || s.Write == mesh.Delete {
			break
		}
		then := s.Before
		if err := w.read(ctx, s); err != nil {
			return err
		}
		if s.Write == mesh.Patch && !sameAt(s.Fields, then.Object, s.Before.Object) {
			return w.failed(s.Change, "patch", errTouched)
		}
	}
	s.written = uncertain(err)
	return err
}

// send makes the one call of a change.
func (w *writer) send(ctx context.Context, s *step, dry bool) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	manager, run := w.options.Manager, dryRunOption(dry)
	version := ""
	if s.Before != nil && !dry { // a dry run does not mind what else changes
		version = s.Before.GetResourceVersion()
	}
	var after *unstructured.Unstructured
	var err error
	verb := "patch"
	switch s.Write {
	case mesh.Apply:
		body := s.Object.DeepCopy()
		body.SetManagedFields(nil)
		body.SetResourceVersion(version)
		var raw []byte
		if raw, err = json.Marshal(body); err != nil {
			return nil, err
		}
		force := w.options.Force
		after, err = s.client.Patch(ctx, s.Ref.Name, types.ApplyPatchType, raw, metav1.PatchOptions{FieldManager: manager, DryRun: run, Force: &force})
	case mesh.Patch:
		var raw []byte
		if raw, err = json.Marshal(versioned(s.Fields, version)); err != nil {
			return nil, err
		}
		after, err = s.client.Patch(ctx, s.Ref.Name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: manager, DryRun: run})
	case mesh.Create:
		verb = "create"
		after, err = s.client.Create(ctx, s.Object, metav1.CreateOptions{FieldManager: manager, DryRun: run})
	case mesh.Delete:
		verb = "delete"
		err = s.client.Delete(ctx, s.Ref.Name, deletion(s.Before, run))
	}
	if err != nil {
		return nil, w.failed(s.Change, verb, err)
	}
	return after, nil
}

// deletion deletes the very object that was read, and no other.
func deletion(o *unstructured.Unstructured, dryRun []string) metav1.DeleteOptions {
	uid, version, background := o.GetUID(), o.GetResourceVersion(), metav1.DeletePropagationBackground
	return metav1.DeleteOptions{
		DryRun: dryRun, PropagationPolicy: &background,
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	}
}

// versioned is a patch that the API server takes only for that version of the
// object, or for the one that the patch itself names.
func versioned(fields map[string]any, version string) map[string]any {
	if version == "" {
		return fields
	}
	patch := runtime.DeepCopyJSON(fields)
	meta, _ := patch["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		patch["metadata"] = meta
	}
	if meta["resourceVersion"] == nil {
		meta["resourceVersion"] = version
	}
	return patch
}
