package cluster

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// validNames tells what of an object's name, namespace and labels no API server
// would take (k8s.io/apimachinery v0.35.0, pkg/util/validation). Files may hold
// anything, and such texts end up in commands that people paste.
func validNames(o metav1.Object) error {
	name := o.GetName()
	if name == o.GetGenerateName() {
		name += "x" // the prefix may end in a dash
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("its name %.80q is not one that Kubernetes allows", o.GetName())
	}
	if ns := o.GetNamespace(); ns != "" && len(validation.IsDNS1123Label(ns)) > 0 {
		return fmt.Errorf("its namespace %.80q is not one that Kubernetes allows", ns)
	}
	labels := o.GetLabels()
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if len(validation.IsQualifiedName(key)) > 0 {
			return fmt.Errorf("its label %.80q is not one that Kubernetes allows", key)
		}
		if len(validation.IsValidLabelValue(labels[key])) > 0 {
			return fmt.Errorf("the value %.80q of its label %s is not one that Kubernetes allows", labels[key], key)
		}
	}
	return nil
}
