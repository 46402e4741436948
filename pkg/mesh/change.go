package mesh

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Write is how a change is sent to the API server; its value is also the verb
// that RBAC asks for, but for Apply, which needs patch (and create, where the
// object is not there).
type Write string

// The ways to write.
const (
	Apply  Write = "apply"  // server-side apply of Object
	Patch  Write = "patch"  // JSON merge patch (RFC 7386) of Fields
	Create Write = "create" // Object, which must not be there
	Delete Write = "delete"
)

// Change is one write to a cluster, planned: plain data that is shown, checked
// and then sent (pkg/internal/cluster.Apply, the only writer).
type Change struct {
	Ref      Ref
	Resource schema.GroupVersionResource // where it is served; empty: that of Ref
	Write    Write
	Object   *unstructured.Unstructured // of Apply and Create: what is sent
	Fields   map[string]any             // of Patch: what is set; nil values are removed
	Why      string                     // in one sentence, for whoever reads the plan

	// Before and After are the object around the change, for showing and for
	// undoing; nil where there is none. A plan may leave them empty: the
	// writer fills them with what the API server says.
	Before, After *unstructured.Unstructured
}

// String names the change: "patch Namespace shop".
func (c Change) String() string { return string(c.Write) + " " + c.Ref.String() }

// Where returns the resource that serves the changed object: the change's own,
// or that of a kind that snapshots hold. ok is false where only the API server
// could tell.
func (c Change) Where() (gvr schema.GroupVersionResource, ok bool) {
	if !c.Resource.Empty() {
		return c.Resource, true
	}
	gv, err := schema.ParseGroupVersion(c.Ref.APIVersion)
	if err != nil {
		return gvr, false
	}
	i, ok := ForObject(gv.WithKind(c.Ref.Kind).GroupKind())
	if !ok {
		return gvr, false
	}
	return i.Resource.GroupResource().WithVersion(gv.Version), true
}

// ForGit is the change as a document for whoever keeps the object in Git: what
// is applied whole, and a patch as kustomize takes it (a strategic merge patch,
// in which null removes), with what names the object. nil for a deletion.
func (c Change) ForGit() map[string]any {
	switch c.Write {
	case Delete:
		return nil
	case Patch:
	default:
		return c.Object.Object
	}
	doc := runtime.DeepCopyJSON(c.Fields)
	doc["apiVersion"], doc["kind"] = c.Ref.APIVersion, c.Ref.Kind
	meta, _ := doc["metadata"].(map[string]any)
	meta = maps.Clone(meta)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["name"] = c.Ref.Name
	if c.Ref.Namespace != "" {
		meta["namespace"] = c.Ref.Namespace
	}
	doc["metadata"] = meta
	return doc
}
