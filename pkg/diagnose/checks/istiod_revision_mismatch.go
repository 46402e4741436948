package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func istiodRevisionMismatch() diagnose.Check {
	return diagnose.Check{
		Name: "istiod-revision-mismatch",
		Area: diagnose.ControlPlane,
		Doc: `istiod takes itself for another revision than it is installed as

istiod learns its revision from its variable REVISION. By that it names the ConfigMaps that it reads, the webhook configurations whose caBundle it keeps, and the namespaces that it serves. The chart gives the Deployment the same name in label istio.io/rev. Where the two differ (an edited Deployment, a patch meant for another revision) istiod looks for ConfigMaps that are not there, runs without its injector and leaves the webhooks and proxies of its own revision alone, while all its pods are ready.

It is found by comparing the variable with the label, on each istiod Deployment that has both. (istio.io/istio 1.29.1, manifests/charts/istio-control/istio-discovery/templates/deployment.yaml; pilot/cmd/pilot-discovery/app/cmd.go.)

To fix it, set the variable to what the label says, with the command printed, and in the values that istiod is installed with (revision). Whoever installs Istio can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.Deployments, mesh.MutatingWebhooks, mesh.Namespaces},
		Wants:    backendKinds(),
		Explains: []string{
			"istiod-injector-not-running", "istiod-no-endpoints", "istiod-refuses-connections", "pod-creation-refused", "webhook-revision-label-wrong",
			"ca-bundle-empty", "ca-bundle-mismatch", "proxy-version-skew", "revision-changed", "proxy-not-ready",
		},
		Run: runIstiodRevisionMismatch,
	}
}

func runIstiodRevisionMismatch(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, cp := range istiods(p) {
		d := cp.Deployment
		labelled, told := d.Labels[mesh.RevisionLabel], istiodEnv(d, "REVISION")
		if labelled == "" || told == "" || labelled == told {
			continue
		}
		ref := mesh.RefTo(mesh.Deployments, d.Namespace, d.Name)
		refs := p.Routed(func(v *admission.Verdict) bool { return v.Revision == labelled })
		f := diagnose.Finding{
			Object:   ref,
			Field:    "spec.template.spec.containers[discovery].env[REVISION]",
			Message:  fmt.Sprintf("istiod of %s takes itself for revision %s (variable REVISION), but is installed as revision %s, whose webhooks and proxies it leaves alone", ref, told, labelled),
			Evidence: []string{"label istio.io/rev of the Deployment: " + labelled, "variable REVISION of its container discovery: " + told},
			Affects:  refs,
			Covers:   []mesh.Ref{mesh.RefTo(mesh.Services, d.Namespace, serviceName(labelled)), mesh.RefTo(mesh.ConfigMaps, d.Namespace, injectorName(told))},
			Fix: []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(d.Namespace, "set", "env", "deployment/"+d.Name, "-c", "discovery", "REVISION="+labelled),
				Say: "and correct the revision in the values it is installed with"}},
		}
		for _, c := range cp.Webhooks {
			f.Covers = append(f.Covers, mesh.RefTo(mesh.MutatingWebhooks, "", c.Name))
		}
		found = append(found, f)
	}
	return found
}
