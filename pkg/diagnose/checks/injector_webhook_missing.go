package checks

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func injectorWebhookMissing() diagnose.Check {
	return diagnose.Check{
		Name: "injector-webhook-missing",
		Area: diagnose.Webhooks,
		Doc: `An istiod has no webhook configuration that sends it new pods

The API server asks istiod about a new pod only where a
MutatingWebhookConfiguration tells it to. Without one, pods are created without
a sidecar, and nobody says so: no event, no log line. The configuration is gone
when it was deleted by hand, when the chart was installed with
global.operatorManageWebhooks or resourceScope: namespace, or when Istio itself
was never installed or was removed while namespaces kept their labels.

Found by listing MutatingWebhookConfigurations: none holds a webhook whose name
ends in sidecar-injector.istio.io, or none calls the istiod of this revision.

Fix: create the configuration again. "helm upgrade" of the istiod chart or
"istioctl install" with the options it was installed with does it; the printed
command creates the very object of the chart, and istiod fills in its CA
bundle. Then restart the pods that were created meanwhile. A cluster
administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"no-default-revision", "revision-unknown", "pod-older-than-injection", "injection-decided", "image-auto-not-injected", "namespace-not-labelled"},
		Run:      findMissingWebhooks,
	}
}

func findMissingWebhooks(p *diagnose.Pass) []diagnose.Finding {
	if !p.Snapshot.Complete(mesh.MutatingWebhooks, "") {
		return nil
	}
	by := askers(p)
	planes := istiods(p)
	if len(planes) == 0 {
		return istioAbsent(p, everyone(by))
	}
	none := len(injectorHooks(p.Snapshot)) == 0
	var found []diagnose.Finding
	for _, cp := range planes {
		revision := istiodRevision(cp.Deployment)
		if isCalled(p, cp) || answeredElsewhere(p, revision) {
			continue
		}
		who := by[revision]
		f := diagnose.Finding{
			Severity: diagnose.Error,
			Object:   mesh.RefTo(mesh.Deployments, cp.Namespace, cp.Deployment.Name),
			Affects:  who.workloads,
			Evidence: []string{
				fmt.Sprintf("Deployment %s/%s is istiod of revision %s", cp.Namespace, cp.Deployment.Name, revision),
				"no MutatingWebhookConfiguration has a webhook *." + mesh.InjectorSuffix + " that calls it",
			},
		}
		what := fmt.Sprintf("no webhook configuration sends pods to istiod of revision %s (Deployment %s/%s)", revision, cp.Namespace, cp.Deployment.Name)
		if none {
			what = fmt.Sprintf("the cluster has no injection webhook, though istiod of revision %s is installed (Deployment %s/%s)", revision, cp.Namespace, cp.Deployment.Name)
		}
		switch {
		case who.any():
			f.Message = what + ": new pods of " + who.who() + " get no sidecar"
		default:
			f.Severity = diagnose.Warning
			f.Message = what + ": nothing can be injected by it"
		}
		f.Fix = append([]diagnose.Step{createConfig(revision, cp.Namespace,
			"creates the configuration as Istio's chart has it; helm upgrade of the istiod chart, or istioctl install with its old options, does the same")},
			restarts(bareOf(p, who.workloads))...)
		found = append(found, f)
	}
	for _, c := range mesh.Injectors(p.Snapshot) {
		if f, ok := missingHooks(p, c); ok {
			found = append(found, f)
		}
	}
	return found
}

// missingHooks answers for a configuration from which single webhooks were
// taken, where the others do not stand in for them.
func missingHooks(p *diagnose.Pass, c *admissionv1.MutatingWebhookConfiguration) (diagnose.Finding, bool) {
	hooks := activeHooks(c)
	var missing []string
	for _, role := range chartRoles(answersTo(c)) {
		has := func(h injectorHook) bool { return h.role() == role }
		if len(hooks) > 0 && hooks[0].role() != "" && !slices.ContainsFunc(hooksOf(c), has) {
			missing = append(missing, role)
		}
	}
	who := keptOut(p, func(ns, pod map[string]string) bool {
		return slices.ContainsFunc(missing, func(role string) bool {
			s, _ := chartSelectors(role, answersTo(c))
			return s.match(ns, pod)
		})
	})
	if !who.any() {
		return diagnose.Finding{}, false
	}
	var ops []patchOp
	var names []string
	for _, role := range missing {
		w := *hooks[0].hook().DeepCopy()
		s, _ := chartSelectors(role, answersTo(c))
		w.Name, w.NamespaceSelector, w.ObjectSelector = role+"."+mesh.InjectorSuffix, &s.namespace, &s.object
		w.ClientConfig.CABundle = nil // istiod fills it in
		ops = append(ops, patchOp{"add", "/webhooks/-", w})
		names = append(names, w.Name)
	}
	f := diagnose.Finding{
		Message: fmt.Sprintf("%s has no webhook %s: new pods of %s get no sidecar", c.Name, list(names), who.who()),
		Object:  configRef(c), Field: "webhooks", Affects: who.workloads,
		Evidence: []string{"its webhooks: " + hookNames(hooksOf(c))},
	}
	f.Fix = append([]diagnose.Step{{
		Run:  kubectl("", "patch", "mutatingwebhookconfiguration", c.Name, "--type=json", "-p", asJSON(ops)),
		Say:  "adds what is missing, as Istio's chart has it; istiod fills in caBundle",
		Kind: diagnose.StepOther,
	}}, restarts(bareOf(p, who.workloads))...)
	return f, true
}

// istioAbsent answers for clusters where nothing of Istio runs but labels ask
// for it.
func istioAbsent(p *diagnose.Pass, who asking) []diagnose.Finding {
	if !who.any() || len(injectorHooks(p.Snapshot)) > 0 || len(p.ControlPlanes) > 0 || !p.Snapshot.Complete(mesh.Deployments, "") {
		return absentElsewhere(p, who)
	}
	return []diagnose.Finding{{
		Message:  "labels of " + who.who() + " ask for sidecars, but Istio is not installed: the cluster has neither an istiod nor an injection webhook",
		Object:   firstAsking(who),
		Affects:  who.workloads,
		Evidence: []string{"no Deployment is labelled app=istiod", "no MutatingWebhookConfiguration has a webhook *." + mesh.InjectorSuffix},
		Fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say:  "install Istio (istioctl install, or its Helm charts), or take the injection labels off: " + list(who.namespaces),
		}},
	}}
}

// absentElsewhere answers where no istiod was found here, but its ConfigMaps
// were, or its Deployment could not be looked for.
func absentElsewhere(p *diagnose.Pass, who asking) []diagnose.Finding {
	if !who.any() || len(injectorHooks(p.Snapshot)) > 0 {
		return nil
	}
	return []diagnose.Finding{{
		Message:  "the cluster has no injection webhook: new pods of " + who.who() + " get no sidecar",
		Object:   firstAsking(who),
		Affects:  who.workloads,
		Evidence: []string{"no MutatingWebhookConfiguration has a webhook *." + mesh.InjectorSuffix},
		Fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say:  "install the istiod chart again with its old values (helm upgrade, or istioctl install; for an external control plane its remote profile): it creates the MutatingWebhookConfiguration",
		}},
	}}
}

func firstAsking(who asking) mesh.Ref {
	if len(who.namespaces) > 0 {
		return mesh.RefTo(mesh.Namespaces, "", who.namespaces[0])
	}
	return who.workloads[0]
}

// isCalled reports whether any injection webhook, switched off or not, calls
// this istiod or carries its revision.
func isCalled(p *diagnose.Pass, cp *mesh.ControlPlane) bool {
	for _, c := range mesh.Injectors(p.Snapshot) {
		svc := calledService(c)
		switch {
		case svc == nil || svc.Namespace == cp.Namespace:
			if mesh.RevisionOf(c.Labels) == istiodRevision(cp.Deployment) {
				return true
			}
		}
		if answering(p, svc) == cp {
			return true
		}
	}
	return false
}

// answeredElsewhere reports whether a tag of another revision answers to a name.
func answeredElsewhere(p *diagnose.Pass, name string) bool {
	for _, h := range injectorHooks(p.Snapshot) {
		if h.active() && answersTo(h.config) == name {
			return true
		}
	}
	return false
}
