package diagnose

import (
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Scope says what the question is about. The zero value is the whole mesh.
type Scope struct {
	Namespaces []string                  // workloads and namespaces of these only; empty: of all
	Workloads  func(*mesh.Workload) bool // a narrower choice (by selector or by name); nil: all
	Named      bool                      // the user named the workloads (TYPE/NAME): their absence from the mesh is always answered
}

// Has reports whether a namespace is asked about.
func (s Scope) Has(namespace string) bool {
	return len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, namespace)
}

// Pass is what a check may look at while it runs.
type Pass struct {
	// Snapshot holds the kinds that the check declared, and no others.
	Snapshot *mesh.Snapshot
	// Scope is what the user asked about. Workloads is already limited to it;
	// checks that walk other objects of users' namespaces ask Scope.Has.
	Scope Scope
	// Workloads are those asked about. Needs Pods; better with the
	// controllers' kinds (WorkloadKinds).
	Workloads []*mesh.Workload
	// ControlPlanes are the istiods found from webhooks and deployments.
	// Needs MutatingWebhooks; better with Deployments, ConfigMaps, Services.
	ControlPlanes []*mesh.ControlPlane

	kinds  []mesh.Kind // that the check declared
	shared *shared
	unsure string
}

// Unsure tells that the check could not look, for a reason that Needs cannot
// say: none of several sources, any of which would do, could be read. With no
// finding the check is then unknown.
func (p *Pass) Unsure(reason string) { p.unsure = reason }

// Once returns what find finds, which is worked out once in a run for all
// checks that ask for the same name and have declared the same of kinds: those
// that find looks at. What it returns belongs to all of them, and must not be
// changed.
func Once[T any](p *Pass, name string, kinds []mesh.Kind, find func(*Pass) T) T {
	if p.shared == nil { // a pass by itself
		return find(p)
	}
	for _, k := range kinds {
		if slices.Contains(p.kinds, k) {
			name += " " + string(k)
		}
	}
	o := p.shared.once(name)
	o.Do(func() { o.found = find(p) })
	return o.found.(T)
}

// Decide answers who would inject a pod made of this template now, and why.
// Needs MutatingWebhooks and Namespaces, better with ConfigMaps. Decisions are
// remembered by namespace labels and template.
func (p *Pass) Decide(ns *core.Namespace, t admission.Template) admission.Decision {
	return *p.shared.decide(ns, t)
}

// DecideWorkload is Decide for a workload's next pod. Where its namespace was
// not read, a namespace without labels is assumed and ok is false.
func (p *Pass) DecideWorkload(w *mesh.Workload) (d admission.Decision, ok bool) {
	return p.shared.decideWorkload(w)
}

// Routed returns the workloads whose next pod the API server would send to a
// webhook that satisfies want; the first that matches counts. What Decide
// needs, it needs.
func (p *Pass) Routed(want func(*admission.Verdict) bool) []mesh.Ref {
	var refs []mesh.Ref
	for _, w := range p.Workloads {
		if d, _ := p.DecideWorkload(w); d.By != nil && want(d.By) {
			refs = append(refs, w.Ref)
		}
	}
	return refs
}

// RoutedTo is Routed for the webhooks of one configuration.
func (p *Pass) RoutedTo(config string) []mesh.Ref {
	return p.Routed(func(v *admission.Verdict) bool { return v.Config == config })
}

// Injected is what istiod would make of a workload's next pod.
type Injected struct {
	Pod     *core.Pod // with the sidecar; nil when refused
	Refusal string    // istiod's own words, when it would refuse
}

// Injector makes of a pod what a control plane's webhook would. It is given by
// the program (istiod's code is heavy); nil when there is none. An error means
// that it could not be tried.
type Injector func(cp *mesh.ControlPlane, pod *core.Pod, ns *core.Namespace) (Injected, error)

// Inject is what the revision that would inject this workload would make of
// its next pod; ok is false when nothing would inject it or it cannot be
// tried. Needs MutatingWebhooks, Namespaces and ConfigMaps. Results are
// remembered by workload.
func (p *Pass) Inject(w *mesh.Workload) (Injected, bool) { return p.shared.inject(w) }

// WorkloadKinds are the kinds that make workloads whole.
func WorkloadKinds() []mesh.Kind {
	return []mesh.Kind{mesh.Deployments, mesh.StatefulSets, mesh.DaemonSets, mesh.ReplicaSets, mesh.Jobs, mesh.CronJobs}
}
