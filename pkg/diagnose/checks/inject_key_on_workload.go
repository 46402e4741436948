package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injectKeyOnWorkload reports injection keys on a controller itself instead of
// on its pods.
func injectKeyOnWorkload() diagnose.Check {
	return diagnose.Check{
		Name:     injectKeyOnWorkloadName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Aliases:  []string{"IST0107"},
		Doc: `An injection key stands on the Deployment and not on its pods

Sidecars are a matter of pods. sidecar.istio.io/inject or istio.io/rev on the
metadata of a Deployment, StatefulSet, DaemonSet, Job or CronJob is read by
nobody: it must stand in the pod template (spec.template.metadata.labels).

It is an error where the key asks for a sidecar and the pods get none, and a
warning where it says "false" and they get one all the same. Where the template
has the key too, or the namespace leads to the same, nothing is reported.

Found by the controller's metadata, its template, and what a new pod would get.
The fix puts the label on the template; a Deployment then rolls out new pods by
itself. Put it into the manifest or chart too. Whoever owns the workload can do
it.
`,
		Run: runInjectKeyOnWorkload,
	}
}

func runInjectKeyOnWorkload(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		if absence(p, w) == injectKeyOnWorkloadName {
			found = append(found, misplacedOptIn(p, w))
		}
		if meantOut(p, w) {
			found = append(found, misplacedOptOut(p, w))
		}
	}
	return found
}

// meantOut reports whether a workload is injected though its controller's
// metadata says no.
func meantOut(p *diagnose.Pass, w *mesh.Workload) bool {
	if controllerWish(w) != wantsOut || carriesProxy(w) || inAmbient(w) {
		return false
	}
	d, ok := p.DecideWorkload(w)
	return ok && d.Inject
}

func misplacedOptIn(p *diagnose.Pass, w *mesh.Workload) diagnose.Finding {
	key, value, what := misplaced(w)
	return diagnose.Finding{
		Message: fmt.Sprintf("%s has the %s %s: %q on itself and not on its pods, where alone it is read, so that it gets no sidecar",
			w.Ref, what, key, value),
		Object:   w.Ref,
		Field:    "metadata." + what + "s[" + key + "]",
		Evidence: []string{fmt.Sprintf("%s %s: %q on %s", what, key, value, w.Ref), "no such label on its pods"},
		Affects:  []mesh.Ref{w.Ref},
		Fix:      podFix(p, w, controllerRevision(w), edit{}),
	}
}

func misplacedOptOut(p *diagnose.Pass, w *mesh.Workload) diagnose.Finding {
	key, value, what := misplaced(w)
	out := edit{pod: map[string]string{mesh.InjectLabel: "false"}}
	return diagnose.Finding{
		Severity: diagnose.Warning,
		Message: fmt.Sprintf("%s has the %s %s: %q on itself and not on its pods, where alone it is read, so that its pods get the sidecar it was to go without",
			w.Ref, what, key, value),
		Object:   w.Ref,
		Field:    "metadata." + what + "s[" + key + "]",
		Evidence: []string{fmt.Sprintf("%s %s: %q on %s", what, key, value, w.Ref), "no such label on its pods"},
		Affects:  []mesh.Ref{w.Ref},
		Fix:      out.templateSteps(p, w),
	}
}

// misplaced is the key on a controller that was meant for its pods.
func misplaced(w *mesh.Workload) (key, value, what string) {
	for _, key := range []string{mesh.InjectLabel, mesh.RevisionLabel} {
		if v, ok := w.Meta.Labels[key]; ok {
			return key, v, "label"
		}
		if v, ok := w.Meta.Annotations[key]; ok {
			return key, v, "annotation"
		}
	}
	return "", "", "label"
}
