package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injectAnnotationIgnoredCheck reports pods that ask for a sidecar with an
// annotation, which no webhook sees.
func injectAnnotationIgnoredCheck() diagnose.Check {
	return diagnose.Check{
		Name:     injectAnnotationIgnored,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Doc: `A pod asks for its sidecar with an annotation, which must be a label

The API server picks webhooks by labels. An annotation sidecar.istio.io/inject:
"true" (the way of long ago) is read by istiod alone, and istiod is not asked
where the namespace has no injection label. The same goes for an annotation
istio.io/rev. To opt out, the annotation still works.

Found in pod templates that have the annotation and not the label, in namespaces
where nothing else asks for a sidecar. The fix makes it a label; a Deployment then
rolls out new pods by itself. Put it into the manifest or chart too. Whoever owns
the workload can do it.
`,
		Run: runInjectAnnotationIgnored,
	}
}

func runInjectAnnotationIgnored(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range absentFrom(p, injectAnnotationIgnored) {
		key := mesh.InjectLabel
		if wishOf(w.Template.Annotations[key]) != wantsIn {
			key = mesh.RevisionLabel
		}
		value := w.Template.Annotations[key]
		f := diagnose.Finding{
			Message: fmt.Sprintf("%s asks for a sidecar with the annotation %s: %q%s, and webhooks see labels alone, so that it gets none",
				w.Ref, key, value, onPods(w)),
			Object:   w.Ref,
			Field:    templateField(w, "annotations", key),
			Evidence: []string{fmt.Sprintf("pod annotation %s: %q", key, value), "no pod label " + key},
			Affects:  []mesh.Ref{w.Ref},
		}
		f.Fix = podFix(p, w, value, edit{podNotes: map[string]string{key: drop}})
		found = append(found, f)
	}
	return found
}

// onPods says where the labels of a workload's pods are: on its pods, or, of a
// pod by itself, nowhere else.
func onPods(w *mesh.Workload) string {
	if w.Ref.Kind == "Pod" {
		return ""
	}
	return " on its pods"
}

// podFix are the steps that bring a workload into the mesh by its pods' own
// label: sidecar.istio.io/inject, or a revision where there is no default; in a
// namespace that forbids it, after its label is taken away.
func podFix(p *diagnose.Pass, w *mesh.Workload, revision string, also edit) []diagnose.Step {
	var tries []edit
	try := func(namespace map[string]string, key, value string) {
		tries = append(tries, edit{labels: namespace, pod: map[string]string{key: value}, podNotes: also.podNotes})
	}
	away := map[string]string{mesh.InjectionLabel: drop}
	for _, namespace := range []map[string]string{nil, away} {
		for _, rev := range revisionNames(p) {
			if rev == revision {
				try(namespace, mesh.RevisionLabel, rev)
			}
		}
		try(namespace, mesh.InjectLabel, "true")
		for _, rev := range preferred(p) {
			try(namespace, mesh.RevisionLabel, rev)
		}
	}
	e, ok := firstThatHelps(p, w, tries...)
	steps := append(e.namespaceSteps(w.Namespace), e.templateSteps(p, w)...)
	if !ok {
		steps = append(steps, notEnough())
	}
	return steps
}
