package admission

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The policies istiod knows (istio.io/istio 1.29.1, pkg/kube/inject/inject.go);
// any other switches injection off.
const (
	policyEnabled  = "enabled"
	policyDisabled = "disabled"
)

// IgnoredNamespaces are those where istiod injects nothing, whatever anybody
// asks for (istio.io/istio 1.29.1, pkg/kube/inject/initializer.go).
func IgnoredNamespaces() []string {
	return []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
}

// decide is istiod's own gate (istio.io/istio 1.29.1,
// pkg/kube/inject/inject.go: injectRequired).
func (i *injector) decide(in *input) Istiod {
	d := Istiod{Revision: i.revision, Namespace: i.namespace}
	if in.hostNetwork {
		d.Rule, d.Reason = HostNetwork, "the pod uses its node's network (hostNetwork), where istiod never injects"
		return d
	}
	if slices.Contains(IgnoredNamespaces(), in.namespace) {
		d.Rule, d.Reason = IgnoredNamespace, fmt.Sprintf("istiod never injects in namespace %s", in.namespace)
		return d
	}
	value, what := in.annotations[mesh.InjectLabel], "annotation"
	if label, ok := in.podLabels[mesh.InjectLabel]; ok {
		value, what = label, "label"
	}
	aside := ""
	switch value {
	case "true", "false":
		d.Inject, d.Rule = value == "true", PodValue
		verb := map[bool]string{true: "asks for injection", false: "opts out"}[d.Inject]
		d.Reason = fmt.Sprintf("pod %s %s=%q %s", what, mesh.InjectLabel, value, verb)
	case "":
	default:
		d.BadValue = value
		aside = fmt.Sprintf(" (pod %s %s is %q, which istiod passes over)", what, mesh.InjectLabel, value)
	}
	if d.Rule == NotAsked {
		i.bySelectors(in.podLabels, &d)
	}
	return i.byPolicy(d, aside)
}

// bySelectors applies neverInjectSelector, which wins, and
// alwaysInjectSelector.
func (i *injector) bySelectors(pod labels.Set, d *Istiod) {
	matches := func(s podSelector) bool { return s.selector.Matches(pod) }
	if at := slices.IndexFunc(i.never, matches); at >= 0 {
		d.Rule, d.Reason = NeverInject, i.selectorText("neverInjectSelector", i.never[at])
		return
	}
	if at := slices.IndexFunc(i.always, matches); at >= 0 {
		d.Inject, d.Rule, d.Reason = true, AlwaysInject, i.selectorText("alwaysInjectSelector", i.always[at])
	}
}

func (i *injector) selectorText(field string, s podSelector) string {
	return fmt.Sprintf("the pod's labels match %s[%d] (%s) of ConfigMap %s", field, s.index, s.selector, i.configMap)
}

func (i *injector) byPolicy(d Istiod, aside string) Istiod {
	switch {
	case i.policy != policyEnabled && i.policy != policyDisabled:
		d.Inject, d.Rule = false, Policy
		d.Reason = fmt.Sprintf("the injection policy in ConfigMap %s is %q, which istiod does not know and takes as off, whatever the pod asks for", i.configMap, i.policy)
	case d.Rule != NotAsked:
		d.Reason += aside
	case i.policy == policyEnabled:
		d.Inject, d.Rule = true, Policy
		d.Reason = fmt.Sprintf("the injection policy in ConfigMap %s is %q%s", i.configMap, i.policy, aside)
	default:
		d.Rule = Policy
		d.Reason = fmt.Sprintf("the injection policy in ConfigMap %s is %q, and nothing in the pod asks for injection%s", i.configMap, i.policy, aside)
	}
	return d
}

// guess says what a decision assumed of a config that is not known. An
// unknown policy could still have stopped a pod that asks to be injected.
func (i *injector) guess(d Istiod) string {
	if i.unknown == "" || d.Rule == HostNetwork || d.Rule == IgnoredNamespace || (d.Rule == PodValue && !d.Inject) {
		return ""
	}
	return strings.TrimSpace(i.unknown) + ", so its policy is taken as enabled, without selectors"
}
