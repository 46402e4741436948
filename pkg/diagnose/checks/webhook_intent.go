package checks

import (
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// asksFor is the revision or tag by which a workload's labels ask to be
// injected, whatever webhooks exist: "default" for istio-injection=enabled.
// It is empty for workloads that do not ask, that opt out, or that istiod
// never injects into. These are the rules of the chart's selectors
// (chartSelectors) and of istiod's own gate (istio.io/istio 1.29.1,
// pkg/kube/inject/inject.go: injectRequired).
func asksFor(w *mesh.Workload) string {
	if neverInjected(w) {
		return ""
	}
	pod := w.Template.Labels
	var ns map[string]string
	if w.Namespace != nil {
		ns = w.Namespace.Labels
	}
	injection, labelled := ns[mesh.InjectionLabel]
	rev, hasRev := ns[mesh.RevisionLabel]
	switch {
	case pod[mesh.InjectLabel] == "false":
		return ""
	case labelled && injection != "enabled":
		return ""
	case labelled:
		return "default"
	case hasRev:
		return rev
	case pod[mesh.RevisionLabel] != "":
		return pod[mesh.RevisionLabel]
	case pod[mesh.InjectLabel] == "true":
		return "default"
	}
	return ""
}

// neverInjected reports whether istiod leaves a workload alone, whoever asks:
// host network, a system namespace, an annotation that opts out.
func neverInjected(w *mesh.Workload) bool {
	if w.Template.Spec.HostNetwork || slices.Contains(systemNamespaces(), w.Ref.Namespace) {
		return true
	}
	_, labelled := w.Template.Labels[mesh.InjectLabel]
	return !labelled && w.Template.Annotations[mesh.InjectLabel] == "false"
}

// namespaceAsksFor is the revision or tag that a namespace's labels ask for;
// empty for none.
func namespaceAsksFor(ns *core.Namespace) string {
	if slices.Contains(systemNamespaces(), ns.Name) {
		return ""
	}
	if v, ok := ns.Labels[mesh.InjectionLabel]; ok {
		if v == "enabled" {
			return "default"
		}
		return ""
	}
	return ns.Labels[mesh.RevisionLabel]
}

// asking is who asks for a revision or tag.
type asking struct {
	workloads  []mesh.Ref
	namespaces []string // by their own labels, asked about or not
}

func (a asking) any() bool { return len(a.workloads)+len(a.namespaces) > 0 }

// who is a phrase for those who ask.
func (a asking) who() string {
	if len(a.workloads) > 0 {
		return hit(a.workloads)
	}
	return count(len(a.namespaces), "namespace") + " (" + list(a.namespaces) + ")"
}

// askers groups who asks by the name they ask for. It looks at Namespaces and
// at the workloads asked about.
func askers(p *diagnose.Pass) map[string]asking {
	by := map[string]asking{}
	for _, ns := range p.Snapshot.Namespaces {
		if name := namespaceAsksFor(ns); name != "" {
			a := by[name]
			a.namespaces = append(a.namespaces, ns.Name)
			by[name] = a
		}
	}
	for _, w := range p.Workloads {
		if name := asksFor(w); name != "" {
			a := by[name]
			a.workloads = append(a.workloads, w.Ref)
			by[name] = a
		}
	}
	for _, a := range by {
		slices.Sort(a.namespaces)
	}
	return by
}

// union is who asks for any of some names.
func union(by map[string]asking, names ...string) asking {
	var all asking
	for _, n := range slices.Compact(slices.Sorted(slices.Values(names))) {
		all.workloads = append(all.workloads, by[n].workloads...)
		all.namespaces = append(all.namespaces, by[n].namespaces...)
	}
	slices.Sort(all.namespaces)
	return all
}

// everyone is who asks for anything.
func everyone(by map[string]asking) asking { return union(by, slices.Collect(maps.Keys(by))...) }

// bareOf keeps the workloads that have pods without a proxy.
func bareOf(p *diagnose.Pass, refs []mesh.Ref) []mesh.Ref {
	set := map[mesh.Ref]bool{}
	for _, r := range refs {
		set[r] = true
	}
	var bare []mesh.Ref
	for _, w := range p.Workloads {
		if set[w.Ref] && len(w.Bare()) > 0 {
			bare = append(bare, w.Ref)
		}
	}
	return bare
}

// webhookNeeds are the kinds without which nothing can be said of who is sent
// to which webhook.
func webhookNeeds() []mesh.Kind { return []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces} }

// webhookWants are the kinds that tell more of webhooks: workloads, and the
// control planes with what belongs to them.
func webhookWants(more ...mesh.Kind) []mesh.Kind {
	return slices.Concat([]mesh.Kind{mesh.Pods, mesh.ConfigMaps, mesh.Services}, diagnose.WorkloadKinds(), more)
}

// keptOut is who asks for injection, would be matched by these labels' rule,
// and is sent to no webhook at all. Namespaces count by their own labels, also
// without workloads.
func keptOut(p *diagnose.Pass, rule func(namespace, pod map[string]string) bool) asking {
	var out asking
	for _, w := range p.Workloads {
		if neverInjected(w) || w.Namespace == nil || !rule(w.Namespace.Labels, w.Template.Labels) {
			continue
		}
		if d, _ := p.DecideWorkload(w); d.By == nil {
			out.workloads = append(out.workloads, w.Ref)
		}
	}
	for _, ns := range p.Snapshot.Namespaces {
		if namespaceAsksFor(ns) == "" || !rule(ns.Labels, nil) {
			continue
		}
		if p.Decide(ns, admission.Template{}).By == nil {
			out.namespaces = append(out.namespaces, ns.Name)
		}
	}
	slices.Sort(out.namespaces)
	return out
}

// oneLine is a text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
