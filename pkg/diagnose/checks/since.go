package checks

import (
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// labelSince is the injection label of a namespace that counts, as key=value,
// and when it was last written; zero when nobody says (managedFields).
func labelSince(ns *core.Namespace) (label string, since time.Time) {
	for _, key := range []string{mesh.InjectionLabel, mesh.RevisionLabel} {
		value, ok := ns.Labels[key]
		if !ok {
			continue
		}
		if w, ok := lastWriter(&ns.ObjectMeta, key); ok {
			since = w.time
		}
		return pair(key, value), since
	}
	return "", time.Time{}
}

// bornWith reports whether a namespace had a label from its creation on, which
// was set at a time.
func bornWith(ns *core.Namespace, set time.Time) bool {
	return !set.IsZero() && ns.CreationTimestamp.Time.Equal(set)
}

// webhookSince is since when a webhook selects as it does: the last writing of
// its configuration's selectors, or its creation.
func webhookSince(s *mesh.Snapshot, v *admission.Verdict) time.Time {
	if v == nil {
		return time.Time{}
	}
	for _, c := range s.MutatingWebhooks {
		if c.Name != v.Config {
			continue
		}
		if w, ok := lastWriter(&c.ObjectMeta, "namespaceSelector", "objectSelector"); ok {
			return w.time
		}
		return c.CreationTimestamp.Time
	}
	return time.Time{}
}
