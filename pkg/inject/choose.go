package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Choice is the control plane that is to inject a pod.
type Choice struct {
	Plane *mesh.ControlPlane
	// Aside is why the API server would not have the pod injected by itself,
	// in a sentence; empty where it would.
	Aside string
}

// ErrNoInjector says that a cluster has nothing that injects.
var ErrNoInjector = errors.New("the cluster has no injection webhook and no istiod")

// Choose finds the control plane of a snapshot that is to inject a pod: the
// one that is named by revision or tag, else the one that the API server would
// ask if the pod were created now, else the one that the labels name, the
// default one, or the only one. It fails where none of these is there.
func Choose(s *mesh.Snapshot, d *admission.Decider, revision, namespace string, pod *core.Pod) (Choice, error) {
	planes := mesh.ControlPlanes(s)
	if len(planes) == 0 {
		return Choice{}, ErrNoInjector
	}
	ns := lookupNamespace(s, namespace)
	decision := d.Decide(ns, admission.ForPod(pod))
	c := Choice{}
	if decision.By == nil {
		c.Aside = decision.Reason
	}
	names := []string{revision}
	if revision == "" {
		if decision.By != nil {
			names = []string{decision.Istiod.Revision}
		} else {
			names = []string{labelled(ns), pod.Labels[mesh.RevisionLabel], "default"}
		}
	}
	for _, name := range names {
		if at := slices.IndexFunc(planes, func(cp *mesh.ControlPlane) bool { return name != "" && slices.Contains(cp.Names(), name) }); at >= 0 {
			c.Plane = planes[at]
			if c.Aside == "" && revision != "" && decision.Istiod.Revision != c.Plane.Revision {
				c.Aside = fmt.Sprintf("the cluster itself would have revision %s inject it", decision.Istiod.Revision)
			}
			return c, nil
		}
	}
	switch {
	case revision != "":
		_, err := Named(planes, revision)
		return Choice{}, err
	case len(planes) == 1:
		c.Plane = planes[0]
		return c, nil
	}
	return Choice{}, fmt.Errorf("no label says which revision is to inject; choose one with --revision: %s", known(planes))
}

// Named is the control plane of a revision or tag. Its error names those that
// are there.
func Named(planes []*mesh.ControlPlane, revision string) (*mesh.ControlPlane, error) {
	at := slices.IndexFunc(planes, func(cp *mesh.ControlPlane) bool { return slices.Contains(cp.Names(), revision) })
	if at < 0 {
		return nil, fmt.Errorf("there is no revision or tag %q; known: %s", revision, known(planes))
	}
	return planes[at], nil
}

// lookupNamespace is a namespace of a snapshot; one without labels where it is
// known not to be there, and nil where it was not read.
func lookupNamespace(s *mesh.Snapshot, name string) *core.Namespace {
	at := slices.IndexFunc(s.Namespaces, func(ns *core.Namespace) bool { return ns.Name == name })
	switch {
	case at >= 0:
		return s.Namespaces[at]
	case s.Complete(mesh.Namespaces, name):
		return &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	return nil
}

func labelled(ns *core.Namespace) string {
	if ns == nil {
		return ""
	}
	return ns.Labels[mesh.RevisionLabel]
}

func known(planes []*mesh.ControlPlane) string {
	var names []string
	for _, cp := range planes {
		names = append(names, cp.Names()...)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
