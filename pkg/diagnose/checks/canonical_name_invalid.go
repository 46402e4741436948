package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func canonicalNameInvalid() diagnose.Check {
	return diagnose.Check{
		Name: "canonical-name-invalid",
		Area: diagnose.Injection,
		Doc: `The label that istiod makes of a workload's name is no valid label

istiod gives every injected pod the label service.istio.io/canonical-name, by which telemetry groups workloads. Without a label app or app.kubernetes.io/name on the pod it makes it of the workload's name, cut to 63 characters. When the cut leaves a dot or an underscore at the end, or a template does not cut at all (the gateway's), the value is invalid, and the API server refuses the pod: "a valid label must be an empty string or consist of alphanumeric characters …".

It is found by making the next pod of workloads with names of more than 63 characters with istiod's own code, and checking its labels as the API server does.

To fix it, give the pod template the label service.istio.io/canonical-name (or app) with a shorter name; the command printed does so. Whoever deploys the workload can.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(),
		Explains: []string{"pod-creation-refused", "pod-older-than-injection"},
		Run:      runCanonicalNameInvalid,
	}
}

func runCanonicalNameInvalid(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		if len(w.Ref.Name) <= validation.LabelValueMaxLength {
			continue
		}
		in, ok := p.Inject(w)
		if !ok || in.Pod == nil {
			continue
		}
		for _, label := range slices.Sorted(maps.Keys(in.Pod.Labels)) {
			value := in.Pod.Labels[label]
			if value == w.Template.Labels[label] || len(validation.IsValidLabelValue(value)) == 0 {
				continue
			}
			found = append(found, diagnose.Finding{
				Message: fmt.Sprintf("the API server refuses every new pod of %s because istiod makes the label %s of its long name, and %q is no valid value",
					w.Ref, label, value),
				Object:   w.Ref,
				Field:    inTemplate(w, "metadata.labels["+label+"]"),
				Evidence: []string{fmt.Sprintf("the name has %d characters, a label has at most %d and ends in a letter or digit", len(w.Ref.Name), validation.LabelValueMaxLength)},
				Affects:  []mesh.Ref{w.Ref},
				Fix:      edit{pod: map[string]string{label: labelOf(w.Ref.Name)}}.templateSteps(p, w),
			})
			break
		}
	}
	return found
}

// labelOf is the beginning of a name that is a valid label.
func labelOf(name string) string {
	return strings.TrimRight(name[:min(len(name), validation.LabelValueMaxLength)], ".-_")
}
