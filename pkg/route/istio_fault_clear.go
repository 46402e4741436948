package route

import (
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// clearFaults takes faults away: of the rule meant, of the conditions, or all.
func (p *planner) clearFaults(conditions []Condition) error {
	if p.intent.Scope == "" && p.intent.Rule == "" {
		p.intent.Scope = allScopes
	}
	targets, err := p.targets()
	if err != nil {
		return err
	}
	for _, t := range targets {
		rules := p.rules(t)
		if p.intent.Rule != "" {
			if rules, err = p.pickIn(t, false); err != nil {
				return err
			}
		}
		for _, r := range rules {
			if r.raw["fault"] == nil || len(conditions) > 0 && !p.isFor(t, r, conditions) {
				continue
			}
			p.clearFault(t, r)
		}
	}
	return nil
}

// isFor reports whether a rule is for just the requests with these conditions.
func (p *planner) isFor(t target, r ruleAt, conditions []Condition) bool {
	w, err := p.wants(t, p.rules(t), conditions)
	return err == nil && w.metBy(r)
}

// clearFault takes a rule's fault away, and the rule where it was made for the
// fault alone.
func (p *planner) clearFault(t target, r ruleAt) {
	delete(r.raw, "fault")
	r.draft.because("%s: no fault any more", r.name())
	r.draft.forgetReview()
	if p.useless(t, r) {
		r.draft.because("removes %s, which was made for the fault", r.name())
		p.dropRule(r)
		return
	}
	p.tidy(r.draft)
}

// forgetReview takes the time to look at faults again away where there are none.
func (d *draft) forgetReview() {
	if !slices.ContainsFunc(d.items("http"), func(m map[string]any) bool { return m["fault"] != nil }) {
		d.annotate(FaultReview, "")
	}
}

// useless reports whether a rule that a plan made does the same as the rule
// that would take its requests.
func (p *planner) useless(t target, r ruleAt) bool {
	if !r.draft.madeHere(r.view.Name) || len(r.view.Matches) == 0 {
		return false
	}
	takes := func(next ruleAt) bool {
		return !slices.ContainsFunc(r.view.Matches, func(m Match) bool { return !next.takes(m.Conditions) })
	}
	behind := false
	for _, next := range p.rules(t) {
		switch {
		case sameMap(next.raw, r.raw):
			behind = true
		case behind && takes(next):
			return next.draft == r.draft && sameAction(next.raw, r.raw)
		}
	}
	return false
}

// sameAction compares what two rules do, and not for whom.
func sameAction(a, b map[string]any) bool {
	does := func(m map[string]any) map[string]any {
		m = maps.Clone(m)
		delete(m, "name")
		delete(m, "match")
		return m
	}
	return sameValue(does(a), does(b))
}

// faulty are the drafts of the VirtualServices of the service that have faults.
func (p *planner) faulty() []*draft {
	var all []*draft
	for _, t := range p.view.Tables {
		for _, r := range t.Rules {
			if r.Fault == nil || r.From.Kind != "VirtualService" {
				continue
			}
			if d := p.open(mesh.VirtualServices, r.From.Namespace, r.From.Name); !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}
