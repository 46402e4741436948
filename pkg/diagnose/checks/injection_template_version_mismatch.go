package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func injectionTemplateVersionMismatch() diagnose.Check {
	return diagnose.Check{
		Name: "injection-template-version-mismatch",
		Area: diagnose.Injection,
		Doc: `The injection templates ask istiod for what its version does not have

The templates of the sidecar are kept in ConfigMap istio-sidecar-injector and executed by istiod; both come from one release of Istio. When only one of them was upgraded (or two releases write the same ConfigMap), a template calls a function or reads a field that this istiod does not know. Then istiod refuses every pod, with 'function "…" not defined' or "can't evaluate field …", or does not start.

It is found by giving a plain pod to istiod's own code with the ConfigMaps of each control plane, and from the refusals that controllers report, where istiod is of a version that this program has not built in.

To fix it, install istiod and its ConfigMap from one release (helm upgrade of chart istiod, or istioctl install), or repair the custom template; whoever installs Istio can.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(mesh.Services),
		Explains: []string{"istiod-no-endpoints", "pod-creation-refused", "pod-older-than-injection"},
		Run: func(p *diagnose.Pass) []diagnose.Finding {
			var found []diagnose.Finding
			for _, f := range templateFailures(p) {
				if f.other {
					found = append(found, f.mismatch())
				}
			}
			return found
		},
	}
}

func (f *templateFailure) mismatch() diagnose.Finding {
	object, field := f.object()
	version := f.plane.Version()
	if version == "" {
		version = "of the version that runs"
	}
	return diagnose.Finding{
		Severity: f.severity(),
		Message:  fmt.Sprintf("the injection templates in %s need what istiod %s does not have, %s", object, version, f.consequence()),
		Object:   object,
		Field:    field,
		Evidence: append([]string{"istiod: " + oneLine(f.words)}, f.versions()...),
		Affects:  f.refs,
		Covers:   f.covers(),
		Fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say: fmt.Sprintf("install istiod and %s of revision %s from one release (helm upgrade of the chart istiod with --version, or istioctl install), or repair the custom template that it names; whoever installs Istio can",
				object, f.plane.Revision),
		}},
	}
}
