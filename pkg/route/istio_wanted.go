package route

import (
	"fmt"
	"slices"
)

// wanted is for which requests a rule shall be.
type wanted struct {
	conditions []Condition      // as they were given
	matches    []Match          // any of them
	raw        []map[string]any // the same, as spec.http[].match
	taken      *ruleAt          // the rule that takes all such requests today; nil for none
}

// wants says for which requests a rule with these conditions shall be. In the
// mesh those are requests for the service in any case; at a gateway, of which
// other rules lead elsewhere, only those that come to the service today.
func (p *planner) wants(t target, rules []ruleAt, conditions []Condition) (wanted, error) {
	w := wanted{conditions: conditions, matches: []Match{{Conditions: conditions}}, raw: []map[string]any{p.matchOf(t, conditions)}}
	for i := range rules {
		if rules[i].takes(conditions) {
			w.taken = &rules[i]
			break
		}
	}
	if t.scope == meshScope || w.taken != nil && p.leads(*w.taken) {
		return w, nil
	}
	var leading []*ruleAt
	for i := range rules {
		r := rules[i]
		if p.leads(r) && !slices.Contains(r.draft.made(), r.view.Name) && !narrowed(r, conditions) {
			leading = append(leading, &rules[i])
		}
	}
	if len(leading) != 1 {
		return w, fmt.Errorf("%s of %s lead to service %s: add the path to the conditions, to say which of them is meant", plural(len(leading), "rule"), t.scope, p.view.Service.Name)
	}
	return p.within(t, w, leading[0])
}

// narrowed reports whether a rule is for requests with these conditions alone:
// it was made of one that leads to the service.
func narrowed(r ruleAt, conditions []Condition) bool {
	return len(r.view.Matches) > 0 && !slices.ContainsFunc(r.view.Matches, func(m Match) bool { return !implies(m.Conditions, conditions) })
}

// within narrows what a rule takes by the conditions.
func (p *planner) within(t target, w wanted, r *ruleAt) (wanted, error) {
	got := wanted{conditions: w.conditions, taken: r}
	items := itemsOf(r.raw, p.whenField())
	for i, m := range r.view.Matches {
		both, add, ok := meet(m.Conditions, w.conditions)
		if !ok || i >= len(items) {
			continue
		}
		got.matches = append(got.matches, Match{Conditions: both})
		if p.api == Gateway { // it can say all that its rules are understood by
			got.raw = append(got.raw, p.matchOf(t, both))
			continue
		}
		got.raw = append(got.raw, overlay(deepCopy(items[i]).(map[string]any), matchOf(add)))
	}
	if got.matches == nil {
		return got, fmt.Errorf("no request with %s comes by %s of %s", Match{w.conditions}, r.name(), r.draft.ref)
	}
	return got, nil
}

// meet are the conditions of both, of which add are not among the first; ok is
// false where nothing can meet both.
func meet(have, want []Condition) (both, add []Condition, ok bool) {
	both = slices.Clone(have)
	for _, c := range want {
		at := slices.IndexFunc(both, func(h Condition) bool { return h.What == c.What && h.Key == c.Key })
		switch {
		case at < 0:
			both, add = append(both, c), append(add, c)
		case both[at].implies(c):
		case c.implies(both[at]):
			both[at] = c
			add = append(add, c)
		default:
			return nil, nil, false
		}
	}
	return both, add, true
}

// overlay puts one match over another; conditions for different headers stand
// beside each other.
func overlay(m, over map[string]any) map[string]any {
	for k, v := range over {
		inner, is := v.(map[string]any)
		old, was := m[k].(map[string]any)
		if is && was && slices.Contains([]string{"headers", "withoutHeaders", "queryParams", "sourceLabels"}, k) {
			for name, compare := range inner {
				old[name] = compare
			}
			continue
		}
		m[k] = v
	}
	return m
}

// metBy reports whether a rule is for just these requests.
func (w wanted) metBy(r ruleAt) bool {
	if len(r.view.Matches) != len(w.matches) {
		return false
	}
	for _, m := range w.matches {
		same := func(o Match) bool {
			return len(o.Conditions) == len(m.Conditions) && implies(o.Conditions, m.Conditions) && implies(m.Conditions, o.Conditions)
		}
		if !slices.ContainsFunc(r.view.Matches, same) {
			return false
		}
	}
	return true
}

// list is the match as objects hold it.
func (w wanted) list() []any {
	all := make([]any, len(w.raw))
	for i, m := range w.raw {
		all[i] = m
	}
	return all
}
