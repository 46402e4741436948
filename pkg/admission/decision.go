package admission

import (
	core "k8s.io/api/core/v1"
)

// Template is what of a pod decides about its injection.
type Template struct {
	Labels      map[string]string
	Annotations map[string]string
	HostNetwork bool
	// Pod is the whole pod, for match conditions, which may look at all of it;
	// with nil, conditions see the fields above alone.
	Pod *core.Pod
}

// ForPod is the template of a pod that exists.
func ForPod(p *core.Pod) Template {
	return Template{Labels: p.Labels, Annotations: p.Annotations, HostNetwork: p.Spec.HostNetwork, Pod: p}
}

// ForTemplate is the template of a workload's next pod in a namespace.
func ForTemplate(t core.PodTemplateSpec, namespace string) Template {
	p := &core.Pod{ObjectMeta: *t.ObjectMeta.DeepCopy(), Spec: t.Spec}
	p.Namespace = namespace
	return ForPod(p)
}

// Decision is the answer for one pod: would it be injected, by whom, and why.
type Decision struct {
	Inject bool
	// Gate is where a pod that is not injected was stopped.
	Gate Gate
	// Reason is the answer's reason in one sentence that stands alone.
	Reason string
	// By is the first webhook that would be called; nil when none would.
	By *Verdict
	// Istiod is what istiod would decide, when it is asked. Where webhooks
	// overlap it is the answer that stands in the end: that of the last called
	// whose istiod injects (it writes over what others did), and where none
	// does, that of the first called.
	Istiod Istiod
	// Refused says that the API server would refuse the pod outright, because
	// it cannot evaluate a webhook's selector or match condition.
	Refused bool
	// Webhooks holds a verdict for every injection webhook, in the order the
	// API server goes through them.
	Webhooks []Verdict
	// Unknown says what could not be known, where the answer rests on a
	// guess: an injector ConfigMap that was not read, a match condition that
	// asks for the user who creates the pod. Empty when nothing was guessed.
	Unknown string
}

// Revision is the control plane whose answer stands, which is also what the
// injected pod says in its annotation istio.io/rev; empty when none is asked.
func (d Decision) Revision() string { return d.Istiod.Revision }

// Gate names where the way into the mesh ended.
type Gate string

// The gates.
const (
	Open        Gate = ""            // injected
	NoWebhooks  Gate = "no-webhooks" // the cluster has no injection webhook
	ByAPIServer Gate = "api-server"  // no webhook matches
	ByIstiod    Gate = "istiod"      // a webhook is called, and istiod leaves the pod alone
)

// Verdict is whether the API server would call one webhook for a pod.
type Verdict struct {
	Config   string // name of the MutatingWebhookConfiguration
	Index    int    // of the webhook in it
	Webhook  string // "namespace.sidecar-injector.istio.io"
	Revision string // the label istio.io/rev of the configuration; "default" when it has none
	Tag      string // the tag the configuration is for; empty for none
	Matches  bool
	// Deactivated says that the webhook was switched off on purpose with
	// istioctl's label that nothing carries (istio.io/deactivated).
	Deactivated bool
	// Refusal is why the API server would refuse the pod when it comes to this
	// webhook: a selector that cannot be parsed, a match condition that fails
	// while failurePolicy is Fail. Empty for none.
	Refusal string
	// Istiod is what the istiod behind the webhook would decide; its zero
	// value where the webhook does not match.
	Istiod Istiod
	// Deciding are the expressions that decided. Of a webhook that does not
	// match: every one that fails, so that it would match if they all held. Of
	// one that matches: every one of its selectors and conditions, so that it
	// would not match if any of them failed.
	Deciding []Expression
}

// Expression is one condition of a webhook, and what it met.
type Expression struct {
	Field string // "webhooks[1].namespaceSelector.matchExpressions[0]"
	Want  string // "istio-injection In [enabled]"
	Got   string // `namespace label istio-injection is "enabeld"`
}

// Rule names the rule by which istiod decides
// (istio.io/istio 1.29.1, pkg/kube/inject/inject.go: injectRequired).
type Rule string

// istiod's rules, in the order it applies them.
const (
	NotAsked         Rule = ""
	HostNetwork      Rule = "host-network"
	IgnoredNamespace Rule = "ignored-namespace"
	PodValue         Rule = "pod-value" // sidecar.istio.io/inject as label or annotation
	NeverInject      Rule = "never-inject-selector"
	AlwaysInject     Rule = "always-inject-selector"
	Policy           Rule = "policy"
)

// Istiod is istiod's own decision about a pod that it was asked about.
type Istiod struct {
	Inject bool
	Rule   Rule
	Reason string
	// Revision and Namespace name the control plane that answers: the one the
	// webhook's service leads to where that can be seen, else the one that the
	// configuration's label names. Empty when none was asked.
	Revision, Namespace string
	// BadValue is a value of sidecar.istio.io/inject other than "true" and
	// "false", which istiod passes over; empty for none.
	BadValue string
}
