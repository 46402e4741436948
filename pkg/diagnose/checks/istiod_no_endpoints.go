package checks

import (
	"fmt"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func istiodNoEndpoints() diagnose.Check {
	return diagnose.Check{
		Name: "istiod-no-endpoints",
		Area: diagnose.ControlPlane,
		Doc: `The Service that the injection webhooks call has no ready endpoint

The API server sends every pod that is to be injected to a Service, istiod's. When no ready pod stands behind it, the call fails with "no endpoints available for service" (or, where the API server goes through the Service's address, with "connection refused") and the pod is refused; with failurePolicy Ignore it starts without a sidecar. Running proxies keep their last configuration for a while, but get no new one.

It is found from the EndpointSlices of the Service named in webhooks[].clientConfig.service. The finding says why nothing is ready: the Deployment is missing or scaled to 0, a quota or another webhook refuses its pods, they cannot be scheduled, their image cannot be pulled, they crash, they are not ready, or the Service's selector matches none of them.

To fix it, do what the finding says for that reason; whoever may change the namespace of istiod can. Controllers try refused pods again by themselves, after up to 16 minutes; a rollout restart hurries them.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Services, mesh.EndpointSlices},
		Wants:    backendKinds(mesh.Nodes, mesh.Autoscalers),
		Explains: []string{
			"pod-creation-refused", "istiod-overloaded", "istiod-refuses-connections",
			"istiod-unreachable-from-api-server", "ca-bundle-empty", "ca-bundle-mismatch", "proxy-not-ready",
		},
		Run: runIstiodNoEndpoints,
	}
}

func runIstiodNoEndpoints(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		if b.service == nil || b.service.Spec.Type == core.ServiceTypeExternalName || b.port() == nil ||
			!p.Snapshot.Complete(mesh.EndpointSlices, b.namespace) || b.healthy() || b.portUnnamed() != "" {
			continue
		}
		o := b.outage(p.Snapshot)
		refs := b.routed(p)
		evidence := append(o.evidence, fmt.Sprintf("EndpointSlices of %s: 0 of %d addresses are ready", b, b.all))
		for _, r := range b.refused(p, all, causeNoEndpoints, causeConnectionRefused, causeTimeout) {
			evidence = append(evidence, r.Workload.Ref.String()+": "+r.Message)
			break
		}
		found = append(found, diagnose.Finding{
			Severity: b.severity(p, refs),
			Message:  fmt.Sprintf("%s has no ready endpoints: %s, so %s", b, o.why, b.consequence(p, refs)),
			Object:   b.ref(),
			Field:    o.field,
			Evidence: evidence,
			Affects:  refs,
			Covers:   b.covers(),
			Fix:      append(o.fix, b.bareAfter(p, refs)...),
		})
	}
	return found
}
