package checks

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

func webhookRulesModified() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-rules-modified",
		Area: diagnose.Webhooks,
		Doc: `An injection webhook is not called when pods are created

A webhook's rules say for which requests it is called. Istio's chart has one
rule: CREATE of pods in version v1 of the core group. When the rules are changed
so that they do not cover this (another operation, another resource, scope
Cluster), the API server never calls istiod, and pods come up without a sidecar.

Found where no rule of an active injection webhook covers CREATE of v1 pods.

Fix: put the chart's rule back with the printed patch; where Helm or a GitOps
tool made the change, make it there, or it comes back. Then restart the pods
that were created meanwhile. A cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"pod-older-than-injection", "injection-decided", "image-auto-not-injected"},
		Run:      findModifiedRules,
	}
}

func findModifiedRules(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, hooks := range withHooks(injectorHooks(p.Snapshot), func(w *admissionv1.MutatingWebhook) bool { return !coversPods(w.Rules) }) {
		who := keptOut(p, func(ns, pod map[string]string) bool {
			return slices.ContainsFunc(hooks, func(h injectorHook) bool { return h.live().match(ns, pod) })
		})
		c := hooks[0].config
		f := diagnose.Finding{
			Object: configRef(c), Field: fieldsOf(hooks, "rules"),
			Severity: diagnose.Warning,
			Message:  fmt.Sprintf("the rules of %s in %s do not cover the creation of pods, so that istiod is never asked", hookNames(hooks), c.Name),
			Affects:  who.workloads, Covers: namespaceRefs(who.namespaces),
		}
		if who.any() {
			f.Severity = diagnose.Error
			f.Message += ": new pods of " + who.who() + " ask for a sidecar and get none"
		}
		for _, h := range hooks {
			f.Evidence = append(f.Evidence, h.hook().Name+" has "+rulesText(h.hook().Rules))
		}
		step := patchHooks("puts the chart's rule back; where Helm or a GitOps tool made the change, make it there too", hooks,
			func(h injectorHook) []patchOp { return []patchOp{h.set("rules", chartRules())} })
		f.Fix = append([]diagnose.Step{step}, restarts(bareOf(p, who.workloads))...)
		found = append(found, f)
	}
	return found
}

// coversPods reports whether rules cover CREATE of v1 pods
// (k8s.io/apiserver v0.35.0, pkg/admission/plugin/webhook/predicates/rules/rules.go).
func coversPods(rules []admissionv1.RuleWithOperations) bool {
	any := func(values []string, wanted ...string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(wanted, v) })
	}
	return slices.ContainsFunc(rules, func(r admissionv1.RuleWithOperations) bool {
		created := slices.Contains(r.Operations, admissionv1.Create) || slices.Contains(r.Operations, admissionv1.OperationAll)
		scoped := r.Scope == nil || *r.Scope == admissionv1.AllScopes || *r.Scope == admissionv1.NamespacedScope
		return created && scoped && any(r.APIGroups, "", "*") && any(r.APIVersions, "v1", "*") && any(r.Resources, "pods", "*", "*/*")
	})
}

func rulesText(rules []admissionv1.RuleWithOperations) string {
	if len(rules) == 0 {
		return "no rules"
	}
	var texts []string
	for _, r := range rules {
		var ops []string
		for _, o := range r.Operations {
			ops = append(ops, string(o))
		}
		text := fmt.Sprintf("a rule for %s of %s in %s", strings.Join(ops, ","), strings.Join(r.Resources, ","), groupVersions(r))
		if r.Scope != nil && *r.Scope != admissionv1.AllScopes {
			text += ", scope " + string(*r.Scope)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

func groupVersions(r admissionv1.RuleWithOperations) string {
	var groups []string
	for _, g := range r.APIGroups {
		if g == "" {
			g = "core"
		}
		groups = append(groups, g)
	}
	return strings.Join(groups, ",") + "/" + strings.Join(r.APIVersions, ",")
}
