package checks

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The checks of absent workloads, so that each asks for its own by name.
const (
	namespaceNotLabelledName   = "namespace-not-labelled"
	namespaceLabelMisspeltName = "namespace-label-misspelt"
	revisionUnknownName        = "revision-unknown"
	namespaceLabelsConflict    = "namespace-labels-conflict"
	podOptInIgnoredName        = "pod-opt-in-ignored"
	injectAnnotationIgnored    = "inject-annotation-ignored"
	injectKeyOnWorkloadName    = "inject-key-on-workload"
	podOptedOutName            = "pod-opted-out"
	injectValueMisspeltName    = "inject-value-misspelt"
	hostNetworkName            = "host-network"
	systemNamespaceName        = "system-namespace"
	injectorPolicyDisabledName = "injector-policy-disabled"
	staticPodName              = "static-pod"
)

// absentFrom are the workloads asked about that a check has to answer for.
func absentFrom(p *diagnose.Pass, check string) []*mesh.Workload {
	var found []*mesh.Workload
	for _, w := range p.Workloads {
		if absence(p, w) == check {
			found = append(found, w)
		}
	}
	return found
}

// absence names the one check that answers for a workload whose next pod would
// get no sidecar because of labels, annotations or istiod's policy. It is empty
// for workloads that would get one, that are taken care of otherwise (ambient,
// a proxy of their own), that nobody asked into the mesh in a namespace that
// opts out, and for those whose labels are right: then webhooks are to blame,
// which other checks look at.
func absence(p *diagnose.Pass, w *mesh.Workload) string {
	d, ok := p.DecideWorkload(w)
	switch {
	case !ok || d.Gate == admission.NoWebhooks || d.Refused || carriesProxy(w) || inAmbient(w):
		return ""
	case staticPods(w):
		return staticPodName
	case d.Inject:
		return ""
	case podValue(w) == "false":
		return podOptedOutName
	case wishOf(podValue(w)) == wantsOut:
		return ""
	case w.Template.Spec.HostNetwork:
		return hostNetworkName
	case slices.Contains(systemNamespaces(), w.Ref.Namespace):
		return systemNamespaceName
	case d.Gate == admission.ByIstiod:
		return leftAlone(p, w)
	}
	return unmatched(p, w)
}

// leftAlone is absence for workloads that a webhook is called for and istiod
// leaves alone, by its policy or a selector.
func leftAlone(p *diagnose.Pass, w *mesh.Workload) string {
	switch {
	case wishOf(podValue(w)) == wantsIn && podValue(w) != "true" && optIn().helps(p, w):
		return injectValueMisspeltName
	case controllerWish(w) == wantsIn && optIn().helps(p, w):
		return injectKeyOnWorkloadName
	}
	return injectorPolicyDisabledName
}

// unmatched is absence for workloads that no webhook matches.
func unmatched(p *diagnose.Pass, w *mesh.Workload) string {
	injection, hasInjection := w.Namespace.Labels[mesh.InjectionLabel]
	revision, hasRevision := w.Namespace.Labels[mesh.RevisionLabel]
	switch {
	case hasInjection && hasRevision && (edit{labels: map[string]string{mesh.InjectionLabel: drop}}).helps(p, w):
		return namespaceLabelsConflict
	case injection == "enabled":
		return ""
	case hasInjection && injection != "disabled" && wishOf(injection) != wantsOut:
		return namespaceLabelMisspeltName
	case hasInjection:
		return asksAnyway(w, podOptInIgnoredName)
	case hasRevision && slices.Contains(revisionNames(p), revision):
		return ""
	case hasRevision:
		return revisionUnknownName
	case len(strayKeys(w.Namespace.Labels))+len(strayAnnotations(w.Namespace.Annotations)) > 0:
		return namespaceLabelMisspeltName
	}
	if rev, ok := w.Template.Labels[mesh.RevisionLabel]; ok {
		if slices.Contains(revisionNames(p), rev) {
			return ""
		}
		return revisionUnknownName
	}
	if w.Template.Labels[mesh.InjectLabel] == "true" {
		return ""
	}
	if why := asksAnyway(w, ""); why != "" {
		return why
	}
	if slices.Contains(controlPlaneNamespaces(p), w.Ref.Namespace) {
		return ""
	}
	return namespaceNotLabelledName
}

// asksAnyway names the check for a workload that asks to be injected in a way
// of its own; ignored is for the right way, which the namespace forbids.
func asksAnyway(w *mesh.Workload, ignored string) string {
	value, labelled := w.Template.Labels[mesh.InjectLabel]
	switch {
	case value == "true" || w.Template.Labels[mesh.RevisionLabel] != "":
		return ignored
	case labelled && wishOf(value) != wantsOut:
		return injectValueMisspeltName
	case wishOf(w.Template.Annotations[mesh.InjectLabel]) == wantsIn || w.Template.Annotations[mesh.RevisionLabel] != "":
		return injectAnnotationIgnored
	case controllerWish(w) == wantsIn || controllerRevision(w) != "":
		return injectKeyOnWorkloadName
	}
	return ""
}

// optIn is the edit that asks for injection on a pod template, the way that
// webhooks see.
func optIn() edit { return edit{pod: map[string]string{mesh.InjectLabel: "true"}} }

// podValue is what the template says about its injection: the label
// sidecar.istio.io/inject, or else the annotation (istio.io/istio 1.29.1,
// pkg/kube/inject/inject.go: injectRequired).
func podValue(w *mesh.Workload) string {
	if v, ok := w.Template.Labels[mesh.InjectLabel]; ok {
		return v
	}
	return w.Template.Annotations[mesh.InjectLabel]
}

// controllerWish is what a controller's own labels or annotations say about
// injection, where nobody reads it, while the template says nothing.
func controllerWish(w *mesh.Workload) wish {
	if w.Meta == nil || w.Ref.Kind == "Pod" || podValue(w) != "" {
		return unclear
	}
	if v, ok := w.Meta.Labels[mesh.InjectLabel]; ok {
		return wishOf(v)
	}
	return wishOf(w.Meta.Annotations[mesh.InjectLabel])
}

// controllerRevision is the revision that a controller's own labels or
// annotations ask for, where nobody reads it.
func controllerRevision(w *mesh.Workload) string {
	if w.Meta == nil || w.Ref.Kind == "Pod" {
		return ""
	}
	if rev := w.Meta.Labels[mesh.RevisionLabel]; rev != "" {
		return rev
	}
	return w.Meta.Annotations[mesh.RevisionLabel]
}

// carriesProxy reports whether the template brings a proxy of its own: it was
// injected by hand, or is a gateway. The image "auto" is none yet: istiod
// writes over it.
func carriesProxy(w *mesh.Workload) bool {
	c := mesh.Proxy(&w.Template.Spec)
	return c != nil && c.Image != "auto"
}

// inAmbient reports whether ztunnel is to take the workload's traffic.
func inAmbient(w *mesh.Workload) bool {
	mode, ok := w.Template.Labels[mesh.AmbientLabel]
	if !ok && w.Namespace != nil {
		mode = w.Namespace.Labels[mesh.AmbientLabel]
	}
	return mode == "ambient"
}

// staticPods reports whether the workload is the mirror of a static pod, which
// a kubelet runs from a file.
func staticPods(w *mesh.Workload) bool {
	return w.Ref.Kind == "Pod" && mirrored(w.Template.Annotations)
}
