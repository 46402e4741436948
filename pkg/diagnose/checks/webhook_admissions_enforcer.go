package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookAdmissionsEnforcer() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-admissions-enforcer",
		Area: diagnose.Webhooks,
		Doc: `AKS's admissions enforcer keeps labelled namespaces from injection

Azure Kubernetes Service adds expressions to the namespaceSelector of every
webhook configuration, so that no webhook can hit its own system namespaces:
control-plane DoesNotExist (or NotIn ["true"]), and
kubernetes.azure.com/managedby NotIn ["aks"]. A namespace of yours with a label
control-plane, which kubebuilder's projects put there, is then passed over, and
its pods come up without a sidecar.

Found where a namespace or workload asks for injection, and the webhook would
match without these expressions and does not with them.

Fix: take the label control-plane off the namespace, or put the label
admissions.enforcer/disabled=true on the webhook configuration, after which AKS
leaves it alone. Then restart the pods that were created meanwhile. Whoever owns
the namespace can do the first, a cluster administrator the second.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"pod-older-than-injection", "injection-decided", "image-auto-not-injected"},
		Run:      findEnforced,
	}
}

func findEnforced(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		var hooks []injectorHook
		for _, h := range activeHooks(c) {
			if slices.ContainsFunc(h.live().namespace.MatchExpressions, enforced) {
				hooks = append(hooks, h)
			}
		}
		who := keptOut(p, func(ns, pod map[string]string) bool {
			return slices.ContainsFunc(hooks, func(h injectorHook) bool {
				live := h.live()
				free := selectors{unenforced(live.namespace), live.object}
				return free.match(ns, pod) && !live.match(ns, pod)
			})
		})
		if !who.any() {
			continue
		}
		f := diagnose.Finding{
			Message: fmt.Sprintf("AKS's admissions enforcer keeps %s from injection: %s passes over namespaces with the label control-plane", who.who(), c.Name),
			Object:  configRef(c), Affects: who.workloads,
		}
		for i, e := range hooks[0].live().namespace.MatchExpressions {
			if enforced(e) {
				f.Field = hooks[0].field(fmt.Sprintf("namespaceSelector.matchExpressions[%d]", i))
				f.Evidence = append(f.Evidence, hooks[0].hook().Name+" wants "+requirement(e))
				break
			}
		}
		f.Fix = enforcerFix(p, c.Name, who)
		f.Fix = append(f.Fix, restarts(bareOf(p, who.workloads))...)
		found = append(found, f)
	}
	return found
}

func enforcerFix(p *diagnose.Pass, config string, who asking) []diagnose.Step {
	names := slices.Concat(who.namespaces, namespacesOf(who.workloads))
	slices.Sort(names)
	var own []string
	for _, ns := range p.Snapshot.Namespaces {
		if _, ok := ns.Labels["control-plane"]; ok && slices.Contains(names, ns.Name) {
			own = append(own, ns.Name)
		}
	}
	say := "or keep the label, and have AKS leave the configuration alone: " + kubectl("", "label", "mutatingwebhookconfiguration", config, "admissions.enforcer/disabled=true") +
		", then take the expressions out of it"
	if len(own) == 0 {
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: strings.TrimPrefix(say, "or keep the label, and ")}}
	}
	slices.Sort(own)
	return []diagnose.Step{{
		Run: kubectl("", slices.Concat([]string{"label", "namespace"}, own, []string{"control-plane-"})...), Say: say, Kind: diagnose.StepLabel,
	}}
}
