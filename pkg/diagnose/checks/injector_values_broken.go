package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func injectorValuesBroken() diagnose.Check {
	return diagnose.Check{
		Name: "injector-values-broken",
		Area: diagnose.Injection,
		Doc: `istiod cannot make a sidecar of its own configuration

istiod makes sidecars from three texts: templates and values in ConfigMap istio-sidecar-injector, and the mesh configuration in ConfigMap istio. When a value is of another type than istiod expects, or missing where a template reads it, or a template yields no pod, istiod refuses every pod that it is asked to inject. When it cannot even read a text, it goes on with the last one it could read, until it restarts: then it does not come up, or, with a broken mesh configuration, runs with the built-in defaults.

It is found by giving a plain pod to istiod's own code with the ConfigMaps of each control plane, and from the refusals that controllers report. The finding quotes istiod.

To fix it, correct the value that istiod names, in the Helm values or the IstioOperator file of the installation, and install again; a value under global that another chart (the gateway's) was meant to get is a common mistake. Whoever installs Istio can. Then restart istiod if it does not run.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(mesh.Services),
		Explains: []string{"istiod-no-endpoints", "pod-creation-refused", "pod-older-than-injection"},
		Run: func(p *diagnose.Pass) []diagnose.Finding {
			var found []diagnose.Finding
			for _, f := range templateFailures(p) {
				if !f.other {
					found = append(found, f.broken())
				}
			}
			return found
		},
	}
}

func (f *templateFailure) broken() diagnose.Finding {
	object, field := f.object()
	what := "cannot be made into a sidecar"
	if f.unloaded {
		what = "cannot be read by istiod"
	}
	fix := []diagnose.Step{{
		Kind: diagnose.StepManual,
		Say: fmt.Sprintf("correct what istiod names in key %s of %s: in the Helm values or IstioOperator file of revision %s, then install again; whoever installs Istio can",
			field[len("data."):], object, f.plane.Revision),
	}}
	if len(f.covers()) > 0 {
		fix = append(fix, restartIstiod(f.plane, "istiod reads it when it starts"))
	}
	return diagnose.Finding{
		Severity: f.severity(),
		Message:  fmt.Sprintf("the configuration in %s %s, %s", object, what, f.consequence()),
		Object:   object,
		Field:    field,
		Evidence: []string{"istiod: " + oneLine(f.words)},
		Affects:  f.refs,
		Covers:   f.covers(),
		Fix:      fix,
	}
}
