package checks

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookURLFails() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-url-fails",
		Area: diagnose.Webhooks,
		Doc: `The API server gets no answer at the URL that an injection webhook calls

A webhook that names its server by clientConfig.url is called at that address, from the API server's hosts, whatever runs inside the cluster. When nothing listens there, a firewall is between, or something else answers, the calls fail and pods are refused; with failurePolicy Ignore they start without a sidecar. An external control plane is called by URL; a control plane in the cluster itself should be called by its Service.

It is found from the API server's words in events and conditions of workloads that lack pods and whose webhook is called by url.

To fix it, bring the server at the URL back, or correct the URL (values istiodRemote.injectionURL); where istiod runs in this cluster, name its Service in clientConfig.service, as the finding's command does. Whoever installed this control plane can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces},
		Wants:    backendKinds(),
		Explains: []string{"pod-creation-refused"},
		Run:      runWebhookURLFails,
	}
}

func runWebhookURLFails(p *diagnose.Pass) []diagnose.Finding {
	all := refusals(p)
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		hooks := slices.DeleteFunc(hooksOf(c), func(h injectorHook) bool { return h.hook().ClientConfig.URL == nil })
		mine := func(v *admission.Verdict) bool {
			return v.Config == c.Name && slices.ContainsFunc(hooks, func(h injectorHook) bool { return h.index == v.Index })
		}
		at := slices.IndexFunc(all, func(r refusal) bool {
			d, _ := p.DecideWorkload(r.Workload)
			return d.By != nil && mine(d.By) && mesh.IsInjector(r.Webhook) && urlFailure(r.Cause) && !changed(c).After(r.Last)
		})
		if at < 0 {
			continue
		}
		r, refs := all[at], p.Routed(mine)
		d, _ := p.DecideWorkload(r.Workload)
		h := injectorHook{c, d.By.Index}
		url := *h.hook().ClientConfig.URL
		f := diagnose.Finding{
			Object:   mesh.RefTo(mesh.MutatingWebhooks, "", c.Name),
			Field:    h.field("clientConfig.url"),
			Message:  fmt.Sprintf("The API server gets no answer from the injector at %s, which MutatingWebhookConfiguration %s calls, so it refuses new pods, of %s", url, c.Name, hit(refs)),
			Affects:  refs,
			Evidence: []string{h.field("clientConfig.url") + ": " + url, r.Workload.Ref.String() + ": " + oneLine(r.Message)},
			Fix: []diagnose.Step{{Kind: diagnose.StepManual,
				Say: "bring the server at that address back, or let the API server's hosts reach it, or correct the url in the values of this control plane (istiodRemote.injectionURL); whoever installed it can"}},
		}
		if step, ok := byService(p, hooks); ok {
			f.Fix = []diagnose.Step{step}
		}
		found = append(found, f)
	}
	return found
}

// urlFailure reports whether a cause is of the way to a URL, which no other
// check looks at.
func urlFailure(c cause) bool {
	return slices.Contains([]cause{causeConnectionRefused, causeTimeout, causeNoRoute, causeWrongPort}, c)
}

// byService has webhooks of a configuration that call a URL call the Service of
// the istiod of their revision; ok is false when this cluster has none.
func byService(p *diagnose.Pass, hooks []injectorHook) (diagnose.Step, bool) {
	cp := istiodNamed(p, mesh.RevisionOf(hooks[0].config.Labels))
	if cp == nil {
		return diagnose.Step{}, false
	}
	name := serviceName(istiodRevision(cp.Deployment))
	if !hasServicePort(serviceOf(p.Snapshot, cp.Namespace, name), 443) {
		return diagnose.Step{}, false
	}
	return patchHooks(fmt.Sprintf("has the API server call Service %s/%s, behind which istiod runs in this cluster", cp.Namespace, name), hooks, func(h injectorHook) []patchOp {
		return []patchOp{
			{Op: "remove", Path: h.path("clientConfig/url")},
			h.set("clientConfig.service", newServiceRef{name, cp.Namespace, "/inject", 443}),
		}
	}), true
}
