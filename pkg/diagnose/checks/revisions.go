package checks

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// revisionNames are the revisions and tags that exist, "default" first, then
// sorted: those of webhook configurations (also switched-off ones), those that
// their selectors ask for, and those of running istiods.
func revisionNames(p *diagnose.Pass) []string {
	var names []string
	for _, h := range injectorHooks(p.Snapshot) {
		names = append(names, answersTo(h.config), mesh.RevisionOf(h.config.Labels))
		for _, s := range []*metav1.LabelSelector{h.hook().NamespaceSelector, h.hook().ObjectSelector} {
			names = append(names, asked(s)...)
		}
	}
	for _, cp := range istiods(p) {
		names = append(names, cp.Names()...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if at := slices.Index(names, "default"); at > 0 {
		names = append([]string{"default"}, slices.Delete(names, at, at+1)...)
	}
	return names
}

// preferred are the revisions in the order in which to recommend them: the
// default, the newest istiod's, the others.
func preferred(p *diagnose.Pass) []string {
	names := revisionNames(p)
	best := slices.Index(names, bestRevision(p))
	if best <= 0 {
		return names
	}
	rev := names[best]
	names = slices.Delete(names, best, best+1)
	at := 0
	if names[0] == "default" {
		at = 1
	}
	return slices.Insert(names, at, rev)
}

// asked are the revisions that a selector wants.
func asked(s *metav1.LabelSelector) []string {
	if s == nil {
		return nil
	}
	var names []string
	if rev := s.MatchLabels[mesh.RevisionLabel]; rev != "" {
		names = append(names, rev)
	}
	for _, e := range s.MatchExpressions {
		if e.Key == mesh.RevisionLabel && e.Operator == metav1.LabelSelectorOpIn {
			names = append(names, e.Values...)
		}
	}
	return names
}

// nearest orders revisions by how much they look like a name that does not
// exist, the likeliest first.
func nearest(name string, known []string) []string {
	near := slices.Clone(known)
	slices.SortStableFunc(near, func(a, b string) int { return distance(name, a) - distance(name, b) })
	return near
}

// controlPlaneNamespaces are where istiods live, each once.
func controlPlaneNamespaces(p *diagnose.Pass) []string {
	var names []string
	for _, cp := range p.ControlPlanes {
		if cp.Namespace != "" {
			names = append(names, cp.Namespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// intoMesh is the edit of a namespace's labels that brings a workload into the
// mesh: the first that helps of these revisions, istio-injection=enabled, and
// every other revision, each on top of also. Where none helps, ok is false and
// the edit is the first of them that looks right.
func intoMesh(p *diagnose.Pass, w *mesh.Workload, also edit, first ...string) (e edit, ok bool) {
	known := revisionNames(p)
	var tries []edit
	try := func(key, value, other string) {
		t := also
		t.labels = maps.Clone(also.labels)
		if t.labels == nil {
			t.labels = map[string]string{}
		}
		t.labels[key], t.labels[other] = value, drop
		tries = append(tries, t)
	}
	for _, rev := range first {
		if slices.Contains(known, rev) {
			try(mesh.RevisionLabel, rev, mesh.InjectionLabel)
		}
	}
	try(mesh.InjectionLabel, "enabled", mesh.RevisionLabel)
	for _, rev := range preferred(p) {
		try(mesh.RevisionLabel, rev, mesh.InjectionLabel)
	}
	for _, t := range tries {
		if t.helps(p, w) {
			return t, true
		}
	}
	return tries[0], false
}

// firstThatHelps is the first edit that brings the workload into the mesh;
// where none does, ok is false and it is the first of all.
func firstThatHelps(p *diagnose.Pass, w *mesh.Workload, tries ...edit) (e edit, ok bool) {
	for _, t := range tries {
		if t.helps(p, w) {
			return t, true
		}
	}
	return tries[0], false
}

// notEnough is the step for an edit that is right and does not help alone.
func notEnough() diagnose.Step {
	return diagnose.Step{
		Kind: diagnose.StepManual,
		Say:  "this alone brings no sidecar: whoever runs Istio must see to the injection webhooks first, of which the report tells more",
	}
}
