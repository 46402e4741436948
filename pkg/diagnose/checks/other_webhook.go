package checks

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// called is a webhook that is not Istio's: where it stands and whom it calls.
type called struct {
	kind, resource, config string
	client                 admissionv1.WebhookClientConfig
}

// otherWebhook finds a webhook by its name.
func otherWebhook(s *mesh.Snapshot, name string) (called, bool) {
	for _, c := range s.MutatingWebhooks {
		for _, w := range c.Webhooks {
			if w.Name == name {
				return called{"MutatingWebhookConfiguration", "mutatingwebhookconfiguration", c.Name, w.ClientConfig}, true
			}
		}
	}
	for _, c := range s.ValidatingWebhooks {
		for _, w := range c.Webhooks {
			if w.Name == name {
				return called{"ValidatingWebhookConfiguration", "validatingwebhookconfiguration", c.Name, w.ClientConfig}, true
			}
		}
	}
	return called{}, false
}

// otherWebhookSteps says what helps against a webhook of another product that
// refuses pods or cannot be called: one whose Service is gone is brought back
// or taken away, one that is down is brought up.
func otherWebhookSteps(s *mesh.Snapshot, r refusal) []diagnose.Step {
	manual := func(format string, args ...any) []diagnose.Step {
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: fmt.Sprintf(format, args...)}}
	}
	w, known := otherWebhook(s, r.Webhook)
	if !known {
		return manual("webhook %s refuses the pod or cannot be called: satisfy it, repair it, or exempt the workload from it; whoever runs it", r.Webhook)
	}
	where := fmt.Sprintf("webhook %s of %s %s", r.Webhook, w.kind, w.config)
	if !strings.Contains(r.Message, "failed calling webhook") {
		return manual("satisfy %s, which refuses the pod for the reason it gives, or exempt the workload from it; whoever runs it", where)
	}
	svc := w.client.Service
	if svc == nil {
		return manual("bring back the server that %s calls, or exempt the workload from it; whoever runs it", where)
	}
	if strings.Contains(r.Message, fmt.Sprintf("service %q not found", svc.Name)) {
		return append(
			manual("if that product is still wanted, install it again: the Service %s/%s that %s calls does not exist; whoever runs it. If it was taken away, the next step removes what it left behind", svc.Namespace, svc.Name, where),
			diagnose.Step{Kind: diagnose.StepOther, Run: kubectl("", "delete", w.resource, w.config), Say: "only if that product was taken away for good"})
	}
	return manual("bring back the pods behind Service %s/%s, which %s calls, or exempt the workload from it; whoever runs it", svc.Namespace, svc.Name, where)
}

// policySteps says what helps against an admission policy of the cluster's own
// (k8s.io/apiserver v0.35.0, pkg/admission/plugin/policy/validating/dispatcher.go).
func policySteps(r refusal) ([]diagnose.Step, bool) {
	_, rest, found := strings.Cut(r.Message, "ValidatingAdmissionPolicy '")
	policy, rest, closed := strings.Cut(rest, "'")
	if !found || !closed {
		return nil, false
	}
	_, rest, _ = strings.Cut(rest, "with binding '")
	binding, _, _ := strings.Cut(rest, "'")
	say := fmt.Sprintf("exempt the workload, or what the sidecar adds to it, from ValidatingAdmissionPolicy %s: by its matchConditions or validations, or by the namespaceSelector of ValidatingAdmissionPolicyBinding %s; whoever owns that policy", policy, binding)
	if strings.Contains(r.Message, "NET_ADMIN") || strings.Contains(r.Message, "NET_RAW") || strings.Contains(r.Message, mesh.InitContainer) {
		say += ". Or let istio-cni set up the pods' network, which does without istio-init (values pilot.cni.enabled=true, and install the cni chart); whoever administers the mesh"
	}
	return []diagnose.Step{{Kind: diagnose.StepManual, Say: say}}, true
}
