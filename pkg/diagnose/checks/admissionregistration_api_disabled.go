package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

const webhookAPI = "admissionregistration.k8s.io/v1"

func admissionregistrationAPIDisabled() diagnose.Check {
	return diagnose.Check{
		Name: "admissionregistration-api-disabled",
		Area: diagnose.APIServer,
		Doc: `The API server does not serve admissionregistration.k8s.io/v1

Webhook configurations are objects of this API. Where it is switched off none can exist, so nothing is injected and Istio cannot be installed whole.

It is found from the list of API groups that the server serves (/apis), and from the flag --runtime-config of its static pods where they can be seen.

To fix it, take the entry out of --runtime-config on every API server. Only who runs the control plane can; on a managed cluster that is the provider.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.APIGroups},
		Wants:    backendKinds(mesh.MutatingWebhooks, mesh.Namespaces),
		Explains: []string{"injector-webhook-missing", "no-default-revision", "revision-unknown", "pod-older-than-injection"},
		Run:      runAdmissionregistrationAPIDisabled,
	}
}

func runAdmissionregistrationAPIDisabled(p *diagnose.Pass) []diagnose.Finding {
	served := p.Snapshot.Facts.APIGroups
	if len(served) == 0 || slices.Contains(served, webhookAPI) || len(p.ControlPlanes) == 0 {
		return nil
	}
	f := diagnose.Finding{
		Object:   mesh.RefTo(mesh.Services, "default", "kubernetes"),
		Message:  "The API server does not serve " + webhookAPI + ", so no injection webhook can exist and new pods start without a sidecar",
		Evidence: []string{fmt.Sprintf("/apis: %d group versions are served, %s is not among them", len(served), webhookAPI)},
		Affects:  labelledForInjection(p),
		Fix: []diagnose.Step{{Kind: diagnose.StepManual,
			Say: "take what switches off " + webhookAPI + " (or api/all, api/ga) out of the API server's flag --runtime-config and restart it, whoever runs the control plane; on a managed cluster ask the provider"}},
	}
	for _, s := range apiServers(p.Snapshot) {
		values, _ := flagValues(flagWords(s), "runtime-config")
		for _, v := range values {
			if key, on, _ := strings.Cut(v, "="); on == "false" && (key == webhookAPI || key == "api/all" || key == "api/ga") {
				f.Object, f.Field = mesh.RefTo(mesh.Pods, s.Namespace, s.Name), "spec.containers[0].command"
				f.Evidence = append(f.Evidence, fmt.Sprintf("Pod %s/%s: flag --runtime-config has %s", s.Namespace, s.Name, v))
				f.Fix = append(f.Fix, diagnose.Step{Kind: diagnose.StepManual, Say: fmt.Sprintf("on node %s, in /etc/kubernetes/manifests/kube-apiserver.yaml, take %s out of --runtime-config; the kubelet then restarts the API server", s.Spec.NodeName, v)})
			}
		}
	}
	if len(f.Fix) > 1 {
		f.Fix = f.Fix[1:]
	}
	f.Fix = append(f.Fix, restarts(stillBare(p, f.Affects))...)
	return []diagnose.Finding{f}
}

// labelledForInjection are the workloads that ask for injection by a label of
// their namespace or of their own: no webhook is there to say more.
func labelledForInjection(p *diagnose.Pass) []mesh.Ref {
	var refs []mesh.Ref
	for _, w := range p.Workloads {
		own := w.Template.Labels[mesh.InjectLabel]
		var ns map[string]string
		if w.Namespace != nil {
			ns = w.Namespace.Labels
		}
		if own == "true" || own != "false" && (ns[mesh.InjectionLabel] == "enabled" || ns[mesh.RevisionLabel] != "") {
			refs = append(refs, w.Ref)
		}
	}
	return refs
}
