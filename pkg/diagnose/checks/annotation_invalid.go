package checks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func annotationInvalid() diagnose.Check {
	return diagnose.Check{
		Name: "annotation-invalid",
		Area: diagnose.Injection,
		Doc: `istiod refuses the value of an annotation on a pod

Some annotations tune the sidecar: its ports, the addresses it takes traffic of, its resources, its configuration. istiod checks the values of 16 of them before it injects, and refuses the whole pod when one is wrong. The API server passes that on, so that the workload gets no new pods; those that run go on running.

It is found by asking istiod's own code about the next pod of every workload with such annotations, and from the refusals that controllers report. The finding names the annotation, its value and what istiod says about it.

To fix it, correct the annotation in the pod template, or take it off, as the command printed does. Whoever deploys the workload can. The value must be right in the manifest or chart too.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(),
		Aliases:  []string{"IST0125"},
		Explains: []string{"pod-creation-refused", "pod-older-than-injection"},
		Run:      runAnnotationInvalid,
	}
}

func runAnnotationInvalid(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, d := range denials(p, tuned) {
		bad := badAnnotations(d.words)
		if d.cause != causeAnnotation || len(bad) == 0 {
			continue
		}
		w, e := d.workload, edit{podNotes: map[string]string{}}
		var told, evidence []string
		for _, b := range bad {
			e.podNotes[b.name] = drop
			told = append(told, fmt.Sprintf("%s: %q", b.name, b.value))
			evidence = append(evidence, fmt.Sprintf("annotation %s: %q: %s", b.name, b.value, b.why))
		}
		found = append(found, diagnose.Finding{
			Message: fmt.Sprintf("istiod refuses every new pod of %s because of the %s %s",
				w.Ref, plural(len(bad), "annotation"), list(told)),
			Object:   w.Ref,
			Field:    inTemplate(w, "metadata.annotations["+bad[0].name+"]"),
			Evidence: evidence,
			Affects:  []mesh.Ref{w.Ref},
			Fix:      e.templateSteps(p, w),
		})
	}
	return found
}

// badAnnotation is one that istiod refuses, and why.
type badAnnotation struct{ name, value, why string }

// badAnnotations reads them out of istiod's words
// (istio.io/istio 1.29.1, pkg/kube/inject/validate.go: validateAnnotations).
func badAnnotations(words string) []badAnnotation {
	pattern := regexp.MustCompile(`(?s)^invalid value '(.*)' for annotation '([^']*)': (.*)$`)
	var found []badAnnotation
	for _, part := range regexp.MustCompile(`\n\t\* |\s\* `).Split(words, -1) {
		if m := pattern.FindStringSubmatch(strings.TrimSpace(part)); m != nil {
			found = append(found, badAnnotation{name: m[2], value: m[1], why: oneLine(m[3])})
		}
	}
	return found
}

// plural is a noun that stands for n things, without the number.
func plural(n int, noun string) string {
	_, words, _ := strings.Cut(count(n, noun), " ")
	return words
}

// inTemplate is the path of a field of a workload's pod template.
func inTemplate(w *mesh.Workload, field string) string {
	switch w.Ref.Kind {
	case "Pod":
		return field
	case "CronJob":
		return "spec.jobTemplate.spec.template." + field
	}
	return "spec.template." + field
}
