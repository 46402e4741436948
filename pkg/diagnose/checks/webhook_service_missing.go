package checks

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookServiceMissing() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-service-missing",
		Area: diagnose.Webhooks,
		Doc: `A webhook calls a Service, or a port of it, that does not exist

The API server finds istiod through the Service named in the webhook's
clientConfig. When that Service does not exist, every pod the webhook matches is
refused: service "istiod" not found; when it has not the port: no service port
443 found. The usual reason is a revision that was uninstalled while its webhook
configuration, or a tag that points to it, stayed behind. Sometimes the Service
of a running istiod was deleted.

Found by looking the Service and port of each active injection webhook up among
the Services.

Fix: where istiod of that revision runs, its Service is created again; where
another revision runs, the tag or the namespaces are moved to it and the
left-over configuration is deleted; where no istiod is left, the configuration
is deleted (then pods start without a sidecar), or Istio installed again. A
cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    append(webhookNeeds(), mesh.Services),
		Wants:    webhookWants(),
		Explains: []string{"pod-creation-refused", "webhook-calls-failed-before", "istiod-no-endpoints", "ca-bundle-empty", "ca-bundle-mismatch", "ca-bundle-expired", "webhooks-overlap", "no-default-revision", "revision-changed", "proxy-version-skew"},
		Aliases:  []string{"IST0139"},
		Run:      findMissingServices,
	}
}

func findMissingServices(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, hooks := range withHooks(injectorHooks(p.Snapshot), func(w *admissionv1.MutatingWebhook) bool { return w.ClientConfig.Service != nil }) {
		gone := slices.DeleteFunc(slices.Clone(hooks), func(h injectorHook) bool {
			ref := h.hook().ClientConfig.Service
			return !p.Snapshot.Complete(mesh.Services, ref.Namespace) || hasServicePort(serviceOf(p.Snapshot, ref.Namespace, ref.Name), calledPort(ref))
		})
		if len(gone) > 0 {
			found = append(found, missingService(p, gone))
		}
	}
	return found
}

// calledPort is the port a webhook calls (k8s.io/api v0.35.0,
// admissionregistration/v1/types.go: ServiceReference.Port).
func calledPort(ref *admissionv1.ServiceReference) int32 {
	if ref.Port == nil {
		return 443
	}
	return *ref.Port
}

func hasServicePort(svc *core.Service, port int32) bool {
	return svc != nil && slices.ContainsFunc(svc.Spec.Ports, func(sp core.ServicePort) bool { return sp.Port == port })
}

func missingService(p *diagnose.Pass, hooks []injectorHook) diagnose.Finding {
	c, ref := hooks[0].config, hooks[0].hook().ClientConfig.Service
	refs := routedTo(p, hooks)
	who := askers(p)[answersTo(c)]
	f := diagnose.Finding{
		Object: configRef(c), Field: fieldsOf(hooks, "clientConfig.service.name"), Affects: refs,
		Covers:   []mesh.Ref{mesh.RefTo(mesh.Services, ref.Namespace, ref.Name)},
		Evidence: []string{fmt.Sprintf("clientConfig.service is %s/%s, port %d", ref.Namespace, ref.Name, calledPort(ref))},
	}
	refused := ", so the API server refuses every pod it would send there"
	if len(refs) == 0 && len(who.namespaces) == 0 {
		f.Severity = diagnose.Warning
		refused = "; nothing asks for it at present"
	}
	svc := serviceOf(p.Snapshot, ref.Namespace, ref.Name)
	if svc != nil {
		f.Field = fieldsOf(hooks, "clientConfig.service.port")
		f.Message = fmt.Sprintf("%s calls port %d of Service %s/%s, which has no such port%s", c.Name, calledPort(ref), ref.Namespace, ref.Name, refused)
		f.Evidence = append(f.Evidence, "the Service has "+portsText(svc))
		f.Fix = portFix(p, hooks, svc)
		return f
	}
	f.Message = fmt.Sprintf("%s calls Service %s/%s, which does not exist%s", c.Name, ref.Namespace, ref.Name, refused)
	revision := mesh.RevisionOf(c.Labels)
	f.Evidence = append(f.Evidence, istiodsText(p))
	for _, cp := range istiods(p) {
		if cp.Namespace == ref.Namespace && istiodRevision(cp.Deployment) == revision {
			f.Fix = serviceFix(p, hooks, cp)
			return f
		}
	}
	f.Fix = append(leftoverFix(p, c, who, refs), restarts(stranded(p, refs))...)
	return f
}

// istiodsText lists the istiods that are there.
func istiodsText(p *diagnose.Pass) string {
	var names []string
	for _, cp := range istiods(p) {
		names = append(names, fmt.Sprintf("%s/%s (revision %s)", cp.Namespace, cp.Deployment.Name, istiodRevision(cp.Deployment)))
	}
	if len(names) == 0 {
		return "no istiod Deployment was found"
	}
	return "istiod Deployments: " + list(names)
}

func portsText(svc *core.Service) string {
	var ports []string
	for _, sp := range svc.Spec.Ports {
		ports = append(ports, fmt.Sprintf("%s %d", sp.Name, sp.Port))
	}
	if len(ports) == 0 {
		return "no ports"
	}
	return "ports " + list(ports)
}
