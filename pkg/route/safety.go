package route

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// verdict collects what speaks against a plan.
type verdict struct {
	*planner
	plan    *Plan
	changed []*draft
	rules   []ruleAfter // that the plan makes or changes
}

// ruleAfter is a rule that the plan makes or changes, as it will be.
type ruleAfter struct {
	table *Table
	rule  Rule
	draft *draft
	raw   map[string]any
	old   *Rule // as it is; nil where it is new
}

func (r ruleAfter) name() string {
	if r.rule.Name != "" {
		return "rule " + r.rule.Name + " of " + r.draft.ref.String()
	}
	return r.rule.Field + " of " + r.draft.ref.String()
}

// safety judges a plan: what is found at error must keep it from being carried
// out.
func (p *planner) safety(plan *Plan, changed []*draft) {
	v := &verdict{planner: p, plan: plan, changed: changed}
	v.rules = v.rulesAfter()
	v.owners()
	v.endpoints()
	v.contested()
	v.order()
	v.faults()
	v.policies()
	v.clients()
	for _, g := range p.guesses {
		v.add(g.Check, diagnose.Info, g.Objects[0], "", "%s", g.Message)
	}
	slices.SortStableFunc(plan.Checks, func(a, b diagnose.Finding) int {
		return cmp.Or(a.Severity.Rank()-b.Severity.Rank(), cmp.Compare(a.Check, b.Check))
	})
}

// add notes a finding, once.
func (v *verdict) add(check string, s diagnose.Severity, object mesh.Ref, field, format string, args ...any) {
	f := diagnose.Finding{Check: check, Severity: s, Object: object, Field: field, Message: fmt.Sprintf(format, args...)}
	f.ID = check + "/" + object.String()
	if !slices.ContainsFunc(v.plan.Checks, func(o diagnose.Finding) bool { return o.Check == f.Check && o.Message == f.Message }) {
		v.plan.Checks = append(v.plan.Checks, f)
	}
}

// rulesAfter are the rules of changed objects that are not as they were.
func (v *verdict) rulesAfter() []ruleAfter {
	var all []ruleAfter
	for i := range v.plan.After.Tables {
		t := &v.plan.After.Tables[i]
		for _, r := range t.Rules {
			for _, d := range v.changed {
				list, at, ok := placeOf(r.Field)
				if d.after == nil || d.ref != r.From || !ok || at >= len(d.items(list)) {
					continue
				}
				raw := d.items(list)[at]
				if !slices.ContainsFunc(d.rawBefore(list), func(m map[string]any) bool { return sameValue(m, raw) }) {
					all = append(all, ruleAfter{table: t, rule: r, draft: d, raw: raw, old: v.before(t, r)})
				}
			}
		}
	}
	return all
}

// rawBefore is a list of rules as it was read.
func (d *draft) rawBefore(list string) []map[string]any {
	if d.before == nil {
		return nil
	}
	spec, _ := d.before.Object["spec"].(map[string]any)
	return itemsOf(spec, list)
}

// before is a rule as it is today: of that name, else of those conditions.
func (v *verdict) before(t *Table, r Rule) *Rule {
	for i := range v.view.Tables {
		o := &v.view.Tables[i]
		if o.Scope != t.Scope {
			continue
		}
		for j := range o.Rules {
			old := &o.Rules[j]
			sameMatches := slices.EqualFunc(old.Matches, r.Matches, func(a, b Match) bool { return slices.Equal(a.Conditions, b.Conditions) })
			if old.From == r.From && (r.Name != "" && old.Name == r.Name || r.Name == "" && sameMatches) {
				return old
			}
		}
	}
	return nil
}

// owners says who keeps what would be changed.
func (v *verdict) owners() {
	for _, d := range v.changed {
		if d.before == nil {
			continue
		}
		o := mesh.OwnerOf(d.before)
		if o == nil {
			continue
		}
		severity, would := diagnose.Warning, ""
		if o.Refuses {
			severity, would = diagnose.Error, ", which would undo the change"
		}
		v.add("object-kept-by-owner", severity, d.ref, "", "%s is kept by %s%s: %s", d.ref, o, would, o.Instead)
		v.plan.Checks[len(v.plan.Checks)-1].Evidence = o.Marks
	}
}

// contested says where other objects keep the change from having an effect.
func (v *verdict) contested() {
	for i := range v.plan.After.Tables {
		t := &v.plan.After.Tables[i]
		at := slices.IndexFunc(v.changed, func(d *draft) bool { return d.routes() && d.after != nil && d.ref == t.From })
		if at < 0 || t.Scope != meshScope {
			continue
		}
		check, why := v.rival(t.From)
		switch {
		case t.Loses:
			v.add(check, diagnose.Error, t.From, "", "the change would have no effect: %s", why)
		case !t.For(v.view.Service.Namespace):
			v.add(check, diagnose.Error, t.From, "", "the change would have no effect for clients in namespace %s: %s", v.view.Service.Namespace, why)
		case len(t.Except) > 0 || len(t.Only) > 0:
			v.add(check, diagnose.Warning, t.From, "", "not all clients follow the change: %s", why)
		}
	}
	for _, c := range v.plan.After.Conflicts {
		touched := slices.ContainsFunc(v.changed, func(d *draft) bool { return slices.Contains(c.Objects, d.ref) })
		if touched && c.Check == "destination-rule-hidden" {
			v.add(c.Check, diagnose.Warning, c.Objects[0], "", "%s", c.Message)
		}
	}
}

// rival is the conflict that an object loses, wholly or for some.
func (v *verdict) rival(ref mesh.Ref) (check, why string) {
	for _, c := range v.plan.After.Conflicts {
		if slices.Contains(c.Objects, ref) && slices.Contains([]string{"virtualservice-host-conflict", "route-apis-conflict"}, c.Check) {
			return c.Check, c.Message
		}
	}
	for _, c := range v.plan.After.Conflicts {
		if slices.Contains(c.Objects, ref) {
			return c.Check, c.Message
		}
	}
	return "virtualservice-host-conflict", ref.String() + " is not followed by all"
}

// order says where a rule of the plan gets no requests, or too many.
func (v *verdict) order() {
	for _, r := range v.rules {
		if r.rule.Unreachable && (r.old == nil || !r.old.Unreachable) {
			v.add("rule-unreachable", diagnose.Error, r.draft.ref, r.rule.Field, "%s would get no requests: an earlier rule takes all of them; use --first, or --before that rule", r.name())
		}
	}
	for i := range v.plan.After.Tables {
		t := &v.plan.After.Tables[i]
		for _, rule := range t.Rules {
			was := v.before(t, rule)
			if rule.Unreachable && was != nil && !was.Unreachable && slices.ContainsFunc(v.changed, func(d *draft) bool { return d.ref == rule.From }) {
				v.add("rule-unreachable", diagnose.Warning, rule.From, rule.Field, "%s would get no requests any more: an earlier rule takes all of them", rule.Field)
			}
		}
	}
}

// faults says what a fault switches off.
func (v *verdict) faults() {
	for _, r := range v.rules {
		if r.raw["fault"] == nil || r.raw["timeout"] == nil && r.raw["retries"] == nil {
			continue
		}
		v.add("fault-disables-timeout", diagnose.Warning, r.draft.ref, r.rule.Field, "%s has a fault and a timeout or retries: with a fault they have no effect; put them on a service further up", r.name())
	}
}
