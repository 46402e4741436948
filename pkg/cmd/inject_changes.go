package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// changesOf are the writes of a manifest: all of its objects, or of a live
// object what differs.
func changesOf(r edited) ([]mesh.Change, error) {
	if r.live != nil {
		return patchOf(r)
	}
	objs, err := jsonObjects(r.after.bytes())
	if err != nil {
		return nil, err
	}
	var changes []mesh.Change
	for _, raw := range objs {
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			return nil, err
		}
		if !u.IsList() {
			changes = append(changes, mesh.Change{Write: mesh.Apply, Object: u})
			continue
		}
		err := u.EachListItem(func(o runtime.Object) error {
			changes = append(changes, mesh.Change{Write: mesh.Apply, Object: o.(*unstructured.Unstructured)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		if c.Object.GetName() == "" {
			return nil, fmt.Errorf("a %s has no name: server-side apply needs one", c.Object.GetKind())
		}
	}
	return changes, nil
}

// withResource fills in where the objects of changes are served.
func withResource(ctx context.Context, config *genericclioptions.ConfigFlags, changes []mesh.Change, namespace string) error {
	var kinds []schema.GroupVersionKind
	for _, c := range changes {
		kinds = append(kinds, c.Object.GroupVersionKind())
	}
	served, err := cluster.Mapping(ctx, config, kinds)
	var unknown *cluster.UnknownKindError
	if errors.As(err, &unknown) && defined(changes, unknown.Kind) {
		return fmt.Errorf("the cluster does not know %s of %s yet, and a dry run of everything comes before the first write: "+
			"apply its CustomResourceDefinition from this input by itself first", unknown.Kind.Kind, unknown.Kind.GroupVersion())
	}
	if err != nil {
		return err
	}
	for i := range changes {
		c, m := &changes[i], served[kinds[i]]
		if m.Scope.Name() == meta.RESTScopeNameNamespace && c.Object.GetNamespace() == "" {
			c.Object.SetNamespace(namespace)
		}
		c.Resource = m.Resource
		c.Ref = mesh.Ref{APIVersion: c.Object.GetAPIVersion(), Kind: c.Object.GetKind(), Namespace: c.Object.GetNamespace(), Name: c.Object.GetName()}
		c.Why = "give it its sidecar"
	}
	return nil
}

// defined reports whether the definition of a kind is among the changes.
func defined(changes []mesh.Change, kind schema.GroupVersionKind) bool {
	return slices.ContainsFunc(changes, func(c mesh.Change) bool {
		group, _, _ := unstructured.NestedString(c.Object.Object, "spec", "group")
		name, _, _ := unstructured.NestedString(c.Object.Object, "spec", "names", "kind")
		return c.Object.GetKind() == "CustomResourceDefinition" && group == kind.Group && name == kind.Kind
	})
}

// patchOf is what makes of a live object the edited one; none where nothing
// does.
func patchOf(r edited) ([]mesh.Change, error) {
	before, err := yaml.YAMLToJSON(r.text)
	if err != nil {
		return nil, err
	}
	after, err := yaml.YAMLToJSON(r.after.bytes())
	if err != nil {
		return nil, err
	}
	patch, err := jsonpatch.CreateMergePatch(before, after)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := utiljson.Unmarshal(patch, &fields); err != nil || len(fields) == 0 {
		return nil, err
	}
	return []mesh.Change{{Write: mesh.Patch, Object: r.live, Fields: fields}}, nil
}
