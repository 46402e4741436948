package checks

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookOrder() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-order",
		Area: diagnose.Webhooks,
		Doc: `Another webhook adds containers after Istio's, which Istio does not see

The API server calls mutating webhooks in the order of their configurations'
names. One that comes after Istio's and adds a container of its own (Vault's
agent, OpenTelemetry's collector) changes a pod that Istio has finished with:
Istio does not rewrite that container's probes, does not see its ports, and the
order of containers is not the one Istio made. With reinvocationPolicy IfNeeded
the API server asks istiod again in that case; Istio's default is Never.

Found where running pods carry containers that are neither in their template nor
Istio's, and a mutating webhook that matches them sorts after Istio's.

Fix, where it disturbs: have the API server ask istiod again, with the printed
patch, and with sidecarInjectorWebhook.reinvocationPolicy=IfNeeded in the istiod
chart, so that it stays. A cluster administrator can do it.`,
		Severity: diagnose.Info,
		Needs:    append(webhookNeeds(), mesh.Pods),
		Wants:    webhookWants(),
		Run:      findLateWebhooks,
	}
}

func findLateWebhooks(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		never := slices.DeleteFunc(activeHooks(c), func(h injectorHook) bool {
			r := h.hook().ReinvocationPolicy
			return r != nil && *r == admissionv1.IfNeededReinvocationPolicy
		})
		if len(never) == 0 {
			continue
		}
		routed := map[mesh.Ref]bool{}
		for _, r := range routedTo(p, never) {
			routed[r] = true
		}
		for _, other := range laterConfigs(p.Snapshot, c) {
			if f, ok := lateFinding(p, never, other, routed); ok {
				found = append(found, f)
			}
		}
	}
	return found
}

// laterConfigs are the configurations of others that are called after this one.
func laterConfigs(s *mesh.Snapshot, c *admissionv1.MutatingWebhookConfiguration) []*admissionv1.MutatingWebhookConfiguration {
	var later []*admissionv1.MutatingWebhookConfiguration
	for _, o := range s.MutatingWebhooks {
		if o.Name > c.Name && len(hooksOf(o)) == 0 {
			later = append(later, o)
		}
	}
	slices.SortFunc(later, func(a, b *admissionv1.MutatingWebhookConfiguration) int { return strings.Compare(a.Name, b.Name) })
	return later
}

func lateFinding(p *diagnose.Pass, hooks []injectorHook, other *admissionv1.MutatingWebhookConfiguration, routed map[mesh.Ref]bool) (diagnose.Finding, bool) {
	var refs []mesh.Ref
	var names []string
	for _, w := range p.Workloads {
		if !routed[w.Ref] || !changesPods(other, w) || len(w.Pods) == 0 {
			continue
		}
		if extra := addedContainers(w, w.Pods[len(w.Pods)-1]); len(extra) > 0 {
			refs = append(refs, w.Ref)
			names = append(names, extra...)
		}
	}
	if len(refs) == 0 {
		return diagnose.Finding{}, false
	}
	slices.Sort(names)
	names = slices.Compact(names)
	c := hooks[0].config
	return diagnose.Finding{
		ID: "webhook-order/" + c.Name + "/" + other.Name,
		Message: fmt.Sprintf("%s comes after %s and adds containers (%s) to pods of %s, which Istio does not see",
			other.Name, c.Name, list(names), hit(refs)),
		Object: configRef(other), Affects: refs, Field: "metadata.name",
		Evidence: []string{
			"order of calls: " + c.Name + ", " + other.Name,
			"reinvocationPolicy Never: " + hookNames(hooks),
		},
		Fix: []diagnose.Step{patchHooks("only where it disturbs: has the API server ask istiod again after such a change", hooks,
			func(h injectorHook) []patchOp {
				return []patchOp{h.set("reinvocationPolicy", admissionv1.IfNeededReinvocationPolicy)}
			})},
	}, true
}

// changesPods reports whether a configuration's selectors and rules match a
// workload's next pod; its match conditions are not evaluated.
func changesPods(c *admissionv1.MutatingWebhookConfiguration, w *mesh.Workload) bool {
	return w.Namespace != nil && slices.ContainsFunc(c.Webhooks, func(h admissionv1.MutatingWebhook) bool {
		return coversPods(h.Rules) && selects(h.NamespaceSelector, w.Namespace.Labels) && selects(h.ObjectSelector, w.Template.Labels)
	})
}

// addedContainers are the containers of a running pod that neither its
// template has nor Istio adds.
func addedContainers(w *mesh.Workload, pod *core.Pod) []string {
	known := []string{mesh.ProxyContainer, mesh.InitContainer, mesh.ValidationContainer}
	for _, c := range slices.Concat(w.Template.Spec.Containers, w.Template.Spec.InitContainers) {
		known = append(known, c.Name)
	}
	var added []string
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		if !slices.Contains(known, c.Name) {
			added = append(added, c.Name)
		}
	}
	return added
}
