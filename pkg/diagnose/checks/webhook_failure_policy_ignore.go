package checks

import (
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookFailurePolicyIgnore() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-failure-policy-ignore",
		Area: diagnose.Webhooks,
		Doc: `When istiod cannot be reached, pods are created without a sidecar

With failurePolicy Fail, which is Istio's default, the API server refuses a pod
when it cannot reach istiod, and the controller tries again until it can. With
Ignore it creates the pod without a sidecar and says nothing, and the pod stays
like that until somebody restarts it. Such pods send plain text past every
policy.

Found in webhooks[].failurePolicy. How often it happened is told by the API
server's metric apiserver_admission_webhook_fail_open_count, and by pods without
a sidecar that are younger than both the webhook and their namespace's label.

Fix: set failurePolicy to Fail with the printed patch; where Helm or a GitOps
tool made the change, make it there, or it comes back. Then restart the pods
without a sidecar. A cluster administrator can do it.`,
		Severity: diagnose.Warning,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(mesh.APIServerMetrics),
		Explains: []string{"pod-older-than-injection"},
		Run:      findIgnoring,
	}
}

func findIgnoring(p *diagnose.Pass) []diagnose.Finding {
	ignores := func(w *admissionv1.MutatingWebhook) bool {
		return w.FailurePolicy != nil && *w.FailurePolicy == admissionv1.Ignore
	}
	var found []diagnose.Finding
	for _, hooks := range withHooks(injectorHooks(p.Snapshot), ignores) {
		c := hooks[0].config
		slipped := slippedThrough(p, hooks)
		f := diagnose.Finding{
			Object: configRef(c), Field: fieldsOf(hooks, "failurePolicy"), Affects: slipped,
			Message:  fmt.Sprintf("%s has failurePolicy Ignore: while istiod cannot be reached, pods are created without a sidecar, in silence", c.Name),
			Evidence: []string{"failurePolicy Ignore: " + hookNames(hooks)},
		}
		open := failedOpen(p.Snapshot, hooks)
		if open > 0 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("the API server has let %s through since it started (apiserver_admission_webhook_fail_open_count)", count(open, "failed call")))
		}
		if len(slipped) > 0 {
			f.Message = fmt.Sprintf("%s has failurePolicy Ignore, and pods of %s were created without a sidecar though the webhook was there for them", c.Name, hit(slipped))
		}
		if open == 0 && len(slipped) == 0 && len(routedTo(p, hooks)) == 0 {
			f.Severity = diagnose.Info
		}
		step := patchHooks("has the API server refuse pods while istiod cannot be reached; where Helm or a GitOps tool made the change, make it there too", hooks,
			func(h injectorHook) []patchOp { return []patchOp{h.set("failurePolicy", admissionv1.Fail)} })
		f.Fix = append([]diagnose.Step{step}, restarts(slipped)...)
		found = append(found, f)
	}
	return found
}

func failedOpen(s *mesh.Snapshot, hooks []injectorHook) int {
	if s.Facts.Admission == nil {
		return 0
	}
	n := 0
	for _, h := range hooks {
		n += s.Facts.Admission.Webhooks[h.hook().Name].FailOpen
	}
	return n
}

// routedTo are the workloads whose next pod is sent to one of these webhooks.
func routedTo(p *diagnose.Pass, hooks []injectorHook) []mesh.Ref {
	return p.Routed(func(v *admission.Verdict) bool {
		return slices.ContainsFunc(hooks, func(h injectorHook) bool { return v.Config == h.config.Name && v.Index == h.index })
	})
}

// slippedThrough are the workloads that have pods without a sidecar which
// these webhooks let through: pods that would be injected as they are, made
// after the namespace was labelled and the webhook and its failurePolicy were
// what they are now.
func slippedThrough(p *diagnose.Pass, hooks []injectorHook) []mesh.Ref {
	candidates := map[mesh.Ref]bool{}
	for _, r := range routedTo(p, hooks) {
		candidates[r] = true
	}
	// Times are in whole seconds. A pod of the second in which the policy was set
	// is counted: that it came first and was bare for another reason is rarer.
	policy, _ := lastWriter(&hooks[0].config.ObjectMeta, "failurePolicy")
	ignored := policy.time
	var slipped []mesh.Ref
	for _, w := range p.Workloads {
		if !candidates[w.Ref] || w.Namespace == nil || !meantIn(w) {
			continue
		}
		since, known := injectableSince(hooks[0].config, w.Namespace)
		if !known {
			continue
		}
		late := func(pod *core.Pod) bool {
			made := pod.CreationTimestamp.Time
			return made.After(since) && !made.Before(ignored) && p.Decide(w.Namespace, admission.ForPod(pod)).Inject
		}
		if d, _ := p.DecideWorkload(w); d.Inject && slices.ContainsFunc(bareNow(w), late) {
			slipped = append(slipped, w.Ref)
		}
	}
	return slipped
}

// injectableSince is since when the selectors of a webhook configuration and
// the injection labels of a namespace are as they are now; known is false where
// managedFields do not tell.
func injectableSince(c *admissionv1.MutatingWebhookConfiguration, ns *core.Namespace) (since time.Time, known bool) {
	if c.CreationTimestamp.IsZero() {
		return time.Time{}, false
	}
	since = c.CreationTimestamp.Time
	labelled, ok := lastWriter(&ns.ObjectMeta, mesh.InjectionLabel, mesh.RevisionLabel)
	if !ok {
		return time.Time{}, false
	}
	changed, ok := lastWriter(&c.ObjectMeta, "namespaceSelector", "objectSelector")
	if bornWith(ns, labelled.time) {
		labelled.time = time.Time{} // every pod in it is younger than the label
	}
	for _, w := range []writer{labelled, changed} {
		if w.time.After(since) {
			since = w.time
		}
	}
	return since, ok
}
