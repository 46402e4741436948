package checks

import (
	"fmt"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// podOlderThanInjection reports pods without a sidecar that would get one if
// they were made now.
func podOlderThanInjection() diagnose.Check {
	return diagnose.Check{
		Name:     "pod-older-than-injection",
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    append(webhookNeeds(), mesh.Pods),
		Wants:    webhookWants(mesh.Events),
		Explains: []string{"injection-decided"},
		Aliases:  []string{"IST0103"},
		Doc: `Pods run without a sidecar that a new pod would get

A sidecar comes when a pod is made, and never later. These pods have none, though
labels, webhooks and policy would give them one now. Mostly they are older than
the label on their namespace, or than the webhook, and nobody has restarted them
since. Where they are younger, something stopped the injection when they were
made: the MutatingAdmissionWebhook plugin is off, failurePolicy Ignore let them
through while istiod was away, or a label, selector or policy has been changed
since; other findings then tell which.

Found by deciding for each workload's next pod, and by when the label and the
webhook were last set (metadata.managedFields) and the pods were made. Pods that
have ended, that are being deleted, or whose replacement is being refused are
left out. The fix replaces the pods; whoever owns the workload can do it. For the
pods of Jobs, which will end by themselves, it is a warning, and so it is where
istiod's policy could not be read.
`,
		Run: runPodOlderThanInjection,
	}
}

func runPodOlderThanInjection(p *diagnose.Pass) []diagnose.Finding {
	refused := map[mesh.Ref]bool{}
	for _, r := range refusals(p) {
		refused[r.Workload.Ref] = true
	}
	var left []*mesh.Workload
	for _, w := range p.Workloads {
		d, ok := p.DecideWorkload(w)
		if ok && d.Inject && len(bareNow(w)) > 0 && !refused[w.Ref] && w.Failure == "" && meantIn(w) {
			left = append(left, w)
		}
	}
	var found []diagnose.Finding
	for _, g := range grouped(left) {
		found = append(found, bareFinding(p, g))
	}
	return found
}

// meantIn reports whether nothing says that the workload is to stay without a
// sidecar, rightly spelt or not.
func meantIn(w *mesh.Workload) bool {
	return wishOf(podValue(w)) != wantsOut && controllerWish(w) != wantsOut &&
		!carriesProxy(w) && !inAmbient(w) && !staticPods(w)
}

func bareFinding(p *diagnose.Pass, g group) diagnose.Finding {
	pods := 0
	for _, w := range g.workloads {
		pods += len(bareNow(w))
	}
	f := diagnose.Finding{
		Severity: diagnose.Warning,
		Object:   g.ref(),
		Field:    "metadata.labels",
		Affects:  g.refs(),
		Fix:      replaced(p, g.workloads),
	}
	who := g.workloads[0].Ref.String() + " runs " + count(pods, "pod")
	if len(g.workloads) > 1 {
		who = fmt.Sprintf("%s in namespace %s run %s", count(len(g.workloads), "workload"), g.namespace.Name, count(pods, "pod"))
	}
	why, evidence := whyBare(p, g)
	f.Message = who + " without a sidecar that a new pod would get: " + why
	f.Evidence = evidence
	if d, _ := p.DecideWorkload(g.workloads[0]); d.Unknown != "" {
		return f
	}
	for _, w := range g.workloads {
		if w.Ref.Kind != "Job" && w.Ref.Kind != "CronJob" {
			f.Severity = diagnose.Error
		}
	}
	return f
}

// whyBare tells from times and labels why pods have no sidecar.
func whyBare(p *diagnose.Pass, g group) (why string, evidence []string) {
	d, _ := p.DecideWorkload(g.workloads[0])
	if d.Unknown != "" {
		evidence = append(evidence, d.Unknown)
	}
	evidence = append(evidence, d.Reason)
	oldest, youngest := span(g)
	they, made := "they are", "they were made"
	if len(g.workloads) == 1 && len(bareNow(g.workloads[0])) == 1 {
		they, made = "it is", "it was made"
	}
	label, set := labelSince(g.namespace)
	since := webhookSince(p.Snapshot, d.By)
	if !set.IsZero() {
		evidence = append(evidence, "namespace label "+label+" was set at "+stamp(set))
	}
	if !since.IsZero() {
		evidence = append(evidence, "webhook configuration "+d.By.Config+" is as it is since "+stamp(since))
	}
	if !oldest.CreationTimestamp.IsZero() {
		evidence = append(evidence, "pod "+oldest.Name+" was made at "+stamp(oldest.CreationTimestamp.Time))
	}
	switch last := youngest.CreationTimestamp.Time; {
	case !p.Decide(g.namespace, admission.ForPod(oldest)).Inject:
		return made + " of an older template, which did not ask for it", evidence
	case last.IsZero() || set.IsZero() && since.IsZero():
		return made + " before it was asked for, or while it did not work", evidence
	case last.Equal(set) && !bornWith(g.namespace, set):
		return made + " in the second in which the namespace was labelled, most likely before it, and a sidecar comes only with a new pod", evidence
	case last.Before(set):
		return they + " older than the label on the namespace, and a sidecar comes only with a new pod", evidence
	case last.Before(since):
		return they + " older than the webhook, and a sidecar comes only with a new pod", evidence
	case oldest.CreationTimestamp.Time.Before(later2(set, since)):
		return "some are older than the label and the webhook, and something stopped the injection of the others at that time", evidence
	}
	if youngest != oldest {
		evidence = append(evidence, "pod "+youngest.Name+" was made at "+stamp(youngest.CreationTimestamp.Time))
	}
	return they + " younger than the label and the webhook, so that something stopped the injection at that time", evidence
}

// span is the oldest and the youngest of a group's pods without a sidecar.
func span(g group) (oldest, youngest *core.Pod) {
	for _, w := range g.workloads {
		for _, pod := range bareNow(w) {
			if oldest == nil || pod.CreationTimestamp.Before(&oldest.CreationTimestamp) {
				oldest = pod
			}
			if youngest == nil || youngest.CreationTimestamp.Before(&pod.CreationTimestamp) {
				youngest = pod
			}
		}
	}
	return oldest, youngest
}

func later2(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
