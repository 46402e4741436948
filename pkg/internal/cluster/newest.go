package cluster

import (
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// newest is the latest moment that objects tell of: when they were created or
// changed, when a condition changed, when an event was seen. Zero when they
// tell none.
func newest(s *mesh.Snapshot) time.Time {
	var t time.Time
	see := func(at time.Time) {
		if at.After(t) {
			t = at
		}
	}
	for _, i := range mesh.Kinds() {
		for _, o := range s.Objects(i.Kind) {
			m, err := meta.Accessor(o)
			if err != nil {
				continue
			}
			see(m.GetCreationTimestamp().Time)
			for _, f := range m.GetManagedFields() {
				if f.Time != nil {
					see(f.Time.Time)
				}
			}
		}
	}
	for _, p := range s.Pods {
		for _, c := range p.Status.Conditions {
			see(c.LastTransitionTime.Time)
		}
	}
	for _, n := range s.Nodes {
		for _, c := range n.Status.Conditions {
			see(c.LastHeartbeatTime.Time)
		}
	}
	for _, d := range s.Deployments {
		for _, c := range d.Status.Conditions {
			see(c.LastUpdateTime.Time)
		}
	}
	for _, e := range s.Events {
		see(seen(e))
	}
	return t.UTC()
}

// seen is when an event last happened.
func seen(e *core.Event) time.Time {
	t := e.LastTimestamp.Time
	if e.EventTime.After(t) {
		t = e.EventTime.Time
	}
	if e.Series != nil && e.Series.LastObservedTime.After(t) {
		t = e.Series.LastObservedTime.Time
	}
	return t
}
