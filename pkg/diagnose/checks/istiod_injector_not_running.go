package checks

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func istiodInjectorNotRunning() diagnose.Check {
	return diagnose.Check{
		Name: "istiod-injector-not-running",
		Area: diagnose.ControlPlane,
		Doc: `istiod runs without its injector

istiod starts its injector only when it finds ConfigMap istio-sidecar-injector (with -REVISION at the end for a revision other than default) in its namespace, and unless its variable INJECT_ENABLED is false. Without the injector it becomes ready all the same and writes its caBundle, but answers the API server's calls with 404: "the server could not find the requested resource". Every pod that is to be injected is then refused; with failurePolicy Ignore it starts without a sidecar. An istiod that was up before the ConfigMap was deleted goes on with what it loaded, until it restarts.

It is found from the ConfigMaps of each control plane that active webhooks call, and from the environment in its Deployment. (istio.io/istio 1.29.1, pilot/pkg/bootstrap/sidecarinjector.go: initSidecarInjector.)

To fix it, install the control plane again in the way it was installed, which brings the ConfigMap back, or take the variable away; then restart istiod. Whoever installs Istio can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.ConfigMaps, mesh.Services, mesh.Deployments},
		Wants:    backendKinds(),
		Explains: []string{"istiod-refuses-connections", "pod-creation-refused", "injection-decided"},
		Run:      runIstiodInjectorNotRunning,
	}
}

func runIstiodInjectorNotRunning(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		d := b.deployment
		if d == nil || b.service == nil || !b.selects || istiodEnv(d, "EXTERNAL_ISTIOD") == "true" {
			continue
		}
		deployment := mesh.RefTo(mesh.Deployments, d.Namespace, d.Name)
		refs := b.routed(p)
		f := diagnose.Finding{Affects: refs, Covers: b.covers(), Severity: b.severity(p, refs)}
		restart := b.restart("istiod looks for its injector's configuration when it starts")
		switch config := injectorName(istiodRevision(d)); {
		case isFalse(istiodEnv(d, "INJECT_ENABLED")):
			f.Object, f.Field = deployment, "spec.template.spec.containers[discovery].env[INJECT_ENABLED]"
			f.Message = fmt.Sprintf("istiod of %s runs without its injector: its variable INJECT_ENABLED is %s, so %s", deployment, istiodEnv(d, "INJECT_ENABLED"), b.consequence(p, refs))
			f.Fix = []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(d.Namespace, "set", "env", "deployment/"+d.Name, "-c", "discovery", "INJECT_ENABLED-"),
				Say: "and take it out of the values it is installed with (pilot.env)"}}
		case !p.Snapshot.Complete(mesh.ConfigMaps, d.Namespace) || b.injectorConfig(p, config) || mountsInjector(b):
			continue
		default:
			f.Object = mesh.RefTo(mesh.ConfigMaps, d.Namespace, config)
			f.Message = fmt.Sprintf("%s does not exist, without which istiod runs no injector, so %s", f.Object, b.consequence(p, refs))
			if len(b.refused(p, all, causeWrongPort)) == 0 && !b.failOpen {
				f.Severity = diagnose.Warning
				f.Message = fmt.Sprintf("%s does not exist: once istiod restarts it runs no injector, and the API server refuses every new pod that is to be injected", f.Object)
			}
			f.Evidence = []string{"ConfigMaps named " + config + " in namespace " + d.Namespace + ": none"}
			f.Fix = append([]diagnose.Step{{Kind: diagnose.StepManual,
				Say: fmt.Sprintf("install istiod (revision %s) in namespace %s again in the way it was installed, which brings the ConfigMap back: istioctl install, helm upgrade istiod istio/istiod, or a sync of your GitOps tool; whoever installs Istio can", istiodRevision(d), d.Namespace)}}, restart...)
		}
		for _, r := range b.refused(p, all, causeWrongPort) {
			f.Evidence = append(f.Evidence, r.Workload.Ref.String()+": "+oneLine(r.Message))
			break
		}
		f.Fix = append(f.Fix, b.bareAfter(p, refs)...)
		found = append(found, f)
	}
	return found
}

// injectorConfig reports whether the injector's ConfigMap is there, or nothing
// would miss it: no namespace and no workload is sent to these webhooks.
func (b *backend) injectorConfig(p *diagnose.Pass, name string) bool {
	for _, m := range p.Snapshot.ConfigMaps {
		if m.Namespace == b.namespace && m.Name == name {
			return true
		}
	}
	if len(b.routed(p)) > 0 {
		return false
	}
	for _, ns := range p.Snapshot.Namespaces {
		if d := p.Decide(ns, admission.Template{}); d.By != nil && b.webhooks[webhookKey(d.By.Config, d.By.Index)] {
			return false
		}
	}
	return true
}

// mountsInjector reports whether istiod gets the injector's configuration from
// files.
func mountsInjector(b *backend) bool {
	for _, c := range b.deployment.Spec.Template.Spec.Containers {
		if values, set := flagValues(append(slices.Clone(c.Command), c.Args...), "injectionDirectory"); set && len(values) > 0 {
			return true
		}
		for _, m := range c.VolumeMounts {
			if m.MountPath == "/var/lib/istio/inject" {
				return true
			}
		}
	}
	return false
}

// isFalse reads a variable as istiod does (strconv.ParseBool).
func isFalse(v string) bool {
	return slices.Contains([]string{"0", "f", "F", "false", "FALSE", "False"}, v)
}
