package admission

import (
	"context"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// deactivatedLabel is what istioctl makes a webhook's selectors ask for when
// it switches it off (istio.io/istio 1.29.1, istioctl/pkg/tag/generate.go:
// NeverMatch).
const deactivatedLabel = "istio.io/deactivated"

// webhook is one injection webhook, prepared.
type webhook struct {
	meta       Verdict // what is the same for every pod
	service    string  // "istio-system/istiod", or the URL
	namespace  selector
	object     selector
	rules      []admissionv1.RuleWithOperations
	conditions *conditions // nil for none
	injector   *injector
}

// judged is a verdict with what reason needs of it.
type judged struct {
	Verdict
	holds, fails []term
	reached      bool   // selectors and rules match: conditions decide
	guess        string // what its conditions had to assume
}

// compiler prepares webhooks and gathers what it cannot prepare.
type compiler struct {
	cel      celCompiler
	problems []Problem
}

func (c *compiler) webhook(config *admissionv1.MutatingWebhookConfiguration, index int) *webhook {
	h := &config.Webhooks[index]
	field := fmt.Sprintf("webhooks[%d]", index)
	w := &webhook{
		meta: Verdict{
			Config: config.Name, Index: index, Webhook: h.Name,
			Revision: mesh.RevisionOf(config.Labels), Tag: config.Labels[mesh.TagLabel],
		},
		service:   serviceOf(h),
		namespace: compileSelector(h.NamespaceSelector, ofNamespace, field+".namespaceSelector"),
		object:    compileSelector(h.ObjectSelector, ofPod, field+".objectSelector"),
		rules:     h.Rules,
	}
	w.meta.Deactivated = w.deactivated()
	problem := func(at string, err error) {
		c.problems = append(c.problems, Problem{Object: mesh.RefTo(mesh.MutatingWebhooks, "", config.Name), Field: field + at, Message: oneLine(err)})
	}
	if w.namespace.err != nil {
		problem(".namespaceSelector", w.namespace.err)
	}
	if w.object.err != nil {
		problem(".objectSelector", w.object.err)
	}
	if len(h.MatchConditions) > 0 {
		w.conditions = c.cel.conditions(h, field)
		for _, e := range w.conditions.errors {
			problem(e.at, e.err)
		}
	}
	return w
}

func serviceOf(h *admissionv1.MutatingWebhook) string {
	if s := h.ClientConfig.Service; s != nil {
		return s.Namespace + "/" + s.Name
	}
	if h.ClientConfig.URL != nil {
		return *h.ClientConfig.URL
	}
	return ""
}

func (w *webhook) deactivated() bool {
	for _, s := range []*selector{&w.namespace, &w.object} {
		for i := range s.terms {
			if s.terms[i].key == deactivatedLabel && s.terms[i].asks() {
				return true
			}
		}
	}
	return false
}

// judge goes through a webhook's predicates as the API server does
// (k8s.io/apiserver v0.35.0, pkg/admission/plugin/webhook/generic/webhook.go:
// ShouldCallHook), but looks at all of them instead of stopping at the first
// that fails. Pods are served in one version only, so that matchPolicy changes
// nothing.
func (w *webhook) judge(ctx context.Context, in *input) judged {
	j := judged{Verdict: w.meta}
	nsHolds, nsFails := w.namespace.judge(in, in.nsLabels)
	podHolds, podFails := w.object.judge(in, in.podLabels)
	j.holds = append(nsHolds, podHolds...)
	j.fails = append(nsFails, podFails...)
	if !w.covers(in) {
		j.fails = append(j.fails, term{Expression: w.rulesTerm()})
	}
	j.reached = len(j.fails) == 0
	broken := w.broken()
	switch {
	case j.reached && len(broken) > 0:
		j.Refusal = broken[0].Got
		j.Deciding = broken
		return j
	case w.conditions != nil:
		w.conditions.judge(ctx, in, &j)
	}
	for _, b := range broken {
		j.fails = append(j.fails, term{Expression: b})
	}
	j.Matches = j.reached && len(j.fails) == 0 && j.Refusal == ""
	decided := j.fails
	if j.Matches {
		decided = j.holds
	}
	for i := range decided {
		j.Deciding = append(j.Deciding, decided[i].Expression)
	}
	return j
}

func (w *webhook) broken() []Expression {
	var b []Expression
	if w.namespace.err != nil {
		b = append(b, w.brokenSelector("namespaceSelector", w.namespace.err))
	}
	if w.object.err != nil {
		b = append(b, w.brokenSelector("objectSelector", w.object.err))
	}
	return b
}

func (w *webhook) brokenSelector(name string, err error) Expression {
	return Expression{Field: fmt.Sprintf("webhooks[%d].%s", w.meta.Index, name), Want: "a selector", Got: name + " cannot be parsed: " + oneLine(err)}
}

// covers reports whether any of the webhook's rules is about creating pods.
func (w *webhook) covers(in *input) bool {
	for _, r := range w.rules {
		m := rules.Matcher{Rule: r, Attr: in.attr}
		if m.Matches() {
			return true
		}
	}
	return false
}

func (w *webhook) rulesTerm() Expression {
	var texts []string
	for _, r := range w.rules {
		texts = append(texts, ruleText(r))
	}
	have := "no rules"
	if len(texts) > 0 {
		have = "rules for " + strings.Join(texts, "; ")
	}
	return Expression{Field: fmt.Sprintf("webhooks[%d].rules", w.meta.Index), Want: "a rule for CREATE of v1 pods", Got: have}
}

func ruleText(r admissionv1.RuleWithOperations) string {
	var ops []string
	for _, o := range r.Operations {
		ops = append(ops, string(o))
	}
	scope := ""
	if r.Scope != nil && *r.Scope != admissionv1.AllScopes {
		scope = ", scope " + string(*r.Scope)
	}
	return fmt.Sprintf("%s of %q/%s %s%s", strings.Join(ops, ","), strings.Join(r.APIGroups, ","), strings.Join(r.APIVersions, ","), strings.Join(r.Resources, ","), scope)
}
