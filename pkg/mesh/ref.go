package mesh

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names one object. APIVersion is part of it since some kinds (Gateway)
// exist in two groups.
type Ref struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	Cluster    string `json:"cluster,omitempty"` // empty in a report of one cluster
}

// RefTo returns the reference to an object of a kind that snapshots hold.
func RefTo(k Kind, namespace, name string) Ref {
	i, _ := Lookup(k)
	return Ref{APIVersion: i.Object.GroupVersion().String(), Kind: i.Object.Kind, Namespace: namespace, Name: name}
}

// String is the reference as people write it: "Deployment shop/web".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Arg is the reference as an argument of kubectl: "deployment/web". Kinds
// outside the core and apps groups carry their group, which keeps the two
// Gateways apart.
func (r Ref) Arg() string {
	group := schema.FromAPIVersionAndKind(r.APIVersion, r.Kind).Group
	kind := strings.ToLower(r.Kind)
	switch group {
	case "", "apps", "batch":
		return kind + "/" + r.Name
	}
	return kind + "." + group + "/" + r.Name
}

// Compare orders references by namespace, kind and name.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(
		cmp.Compare(r.Cluster, o.Cluster), cmp.Compare(r.Namespace, o.Namespace),
		cmp.Compare(r.Kind, o.Kind), cmp.Compare(r.Name, o.Name), cmp.Compare(r.APIVersion, o.APIVersion),
	)
}
