package checks

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// shortTimeout is the least number of seconds that leaves istiod room for a
// slow answer: half of the default (10, k8s.io/kubernetes v1.35.4,
// pkg/apis/admissionregistration/v1/defaults.go).
const shortTimeout = 5

func webhookTimeoutTooShort() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-timeout-too-short",
		Area: diagnose.Webhooks,
		Doc: `An injection webhook gives istiod less than 5 seconds to answer

The API server waits timeoutSeconds for istiod. Istio's chart leaves it at the
default of 10. istiod answers in milliseconds, but while it starts, is throttled
or serves a large rollout it takes longer, and a pod whose call is not answered
in time is refused (or, with failurePolicy Ignore, created without a sidecar).

Found in webhooks[].timeoutSeconds.

Fix: set it to 10 with the printed patch; where Helm, a GitOps tool or a policy
engine made the change, make it there, or it comes back. A cluster administrator
can do it.`,
		Severity: diagnose.Warning,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"webhook-calls-failed-before"},
		Run:      findShortTimeouts,
	}
}

func findShortTimeouts(p *diagnose.Pass) []diagnose.Finding {
	short := func(w *admissionv1.MutatingWebhook) bool {
		return w.TimeoutSeconds != nil && *w.TimeoutSeconds < shortTimeout
	}
	var found []diagnose.Finding
	for _, hooks := range withHooks(injectorHooks(p.Snapshot), short) {
		c := hooks[0].config
		f := diagnose.Finding{
			Object: configRef(c), Field: fieldsOf(hooks, "timeoutSeconds"), Affects: routedTo(p, hooks),
			Message: fmt.Sprintf("%s gives istiod %s to answer, where Istio's default is 10: a slow answer refuses the pod", c.Name, count(int(*hooks[0].hook().TimeoutSeconds), "second")),
		}
		for _, h := range hooks {
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s has timeoutSeconds %d", h.hook().Name, *h.hook().TimeoutSeconds))
		}
		f.Fix = []diagnose.Step{patchHooks("gives istiod 10 seconds; where Helm or a GitOps tool made the change, make it there too", hooks,
			func(h injectorHook) []patchOp { return []patchOp{h.set("timeoutSeconds", 10)} })}
		found = append(found, f)
	}
	return found
}
