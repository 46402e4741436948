package checks

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// podOptedOut tells of workloads that said no.
func podOptedOut() diagnose.Check {
	return diagnose.Check{
		Name:     podOptedOutName,
		Area:     diagnose.Labels,
		Severity: diagnose.Info,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"injection-decided"},
		Doc: `A workload opts out of the mesh

Its pods carry sidecar.istio.io/inject: "false" as a label (or, of old, as an
annotation), so that they get no sidecar though their namespace asks for them.
This is somebody's choice, and for your information.

Found in pod templates, where without it a new pod would get a sidecar (Istio's
own components, which all opt out, are not told of); for workloads that you
named, in any case. To bring the workload in, take the key off
its template, in the manifest or chart it comes from.
`,
		Run: runPodOptedOut,
	}
}

func runPodOptedOut(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range absentFrom(p, podOptedOutName) {
		what := "annotation"
		in := edit{podNotes: map[string]string{mesh.InjectLabel: drop}}
		if _, ok := w.Template.Labels[mesh.InjectLabel]; ok {
			what, in = "label", edit{pod: map[string]string{mesh.InjectLabel: drop}}
			if _, ok := w.Template.Annotations[mesh.InjectLabel]; ok {
				in.podNotes = map[string]string{mesh.InjectLabel: drop}
			}
		}
		meshed := in.decide(p, w).Inject
		if !p.Scope.Named && (!meshed || slices.Contains(controlPlaneNamespaces(p), w.Ref.Namespace)) {
			continue
		}
		f := diagnose.Finding{
			Message:  fmt.Sprintf("%s opts out: the %s %s%s is %q", w.Ref, what, mesh.InjectLabel, onPods(w), "false"),
			Object:   w.Ref,
			Field:    templateField(w, what+"s", mesh.InjectLabel),
			Evidence: []string{fmt.Sprintf("pod %s %s: %q", what, mesh.InjectLabel, "false")},
			Affects:  []mesh.Ref{w.Ref},
		}
		f.Fix = []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say:  "nothing, if that is meant; else its owner must " + in.words() + ", in the manifest or chart it comes from",
		}}
		found = append(found, f)
	}
	return found
}
