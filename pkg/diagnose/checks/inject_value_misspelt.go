package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injectValueMisspelt reports values of sidecar.istio.io/inject that are
// neither "true" nor "false" and do the opposite of what was meant.
func injectValueMisspelt() diagnose.Check {
	return diagnose.Check{
		Name:     injectValueMisspeltName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Doc: `sidecar.istio.io/inject is neither "true" nor "false", and is passed over

Only the exact words true and false count. The webhook for pods that opt in asks
for the label's value "true", so that True, yes or 1 bring no sidecar. The
webhooks leave pods out only for "false", and istiod writes a warning into its
log for anything else and follows its policy: False or no bring the sidecar that
was not wanted. (istio-cni reads the same key more kindly, and may then leave the
traffic of such a pod alone although it has a sidecar.)

It is an error where a sidecar was wanted and is missing, and a warning where
none was wanted and it comes, or where nobody can tell what was meant. Found in
pod templates, by what a new pod would get. The fix sets the word that was meant;
a Deployment then rolls out new pods by itself. Put it into the manifest or chart
too. Whoever owns the workload can do it.
`,
		Run: runInjectValueMisspelt,
	}
}

func runInjectValueMisspelt(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		value := podValue(w)
		if value == "true" || value == "false" {
			continue
		}
		switch {
		case absence(p, w) == injectValueMisspeltName:
			f := misvalued(w, "is not \"true\", so that it gets no sidecar")
			if wishOf(value) == unclear {
				f.Severity = diagnose.Warning
			}
			f.Fix = podFix(p, w, "", edit{podNotes: strayNote(w)})
			found = append(found, f)
		case wishOf(value) == wantsOut && injectedAnyway(p, w):
			f := misvalued(w, "is not \"false\", so that its pods get the sidecar it was to go without")
			f.Severity = diagnose.Warning
			out := edit{pod: map[string]string{mesh.InjectLabel: "false"}, podNotes: strayNote(w)}
			f.Fix = out.templateSteps(p, w)
			found = append(found, f)
		}
	}
	return found
}

func injectedAnyway(p *diagnose.Pass, w *mesh.Workload) bool {
	d, ok := p.DecideWorkload(w)
	return ok && d.Inject && !carriesProxy(w) && !inAmbient(w)
}

func misvalued(w *mesh.Workload, so string) diagnose.Finding {
	value, what := podValue(w), "annotation"
	if _, ok := w.Template.Labels[mesh.InjectLabel]; ok {
		what = "label"
	}
	return diagnose.Finding{
		Message:  fmt.Sprintf("%s has the %s %s: %q%s, which %s", w.Ref, what, mesh.InjectLabel, value, onPods(w), so),
		Object:   w.Ref,
		Field:    templateField(w, what+"s", mesh.InjectLabel),
		Evidence: []string{fmt.Sprintf("pod %s %s: %q", what, mesh.InjectLabel, value)},
		Affects:  []mesh.Ref{w.Ref},
	}
}

// strayNote takes the annotation away where there is one: the label is what
// counts.
func strayNote(w *mesh.Workload) map[string]string {
	if _, ok := w.Template.Annotations[mesh.InjectLabel]; !ok {
		return nil
	}
	return map[string]string{mesh.InjectLabel: drop}
}
