package route

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// match sends the requests that meet conditions to a version, by a rule of
// their own.
func (p *planner) match(m SetMatch) error {
	if err := p.onlyHTTP("a rule with conditions"); err != nil {
		return err
	}
	if p.intent.Rule != "" {
		return errors.New("a new rule is named with --name, --rule names those that are there")
	}
	if m.Remove != "" {
		return p.removeRule(m.Remove)
	}
	conditions, err := p.conditions(m.Conditions)
	if err != nil {
		return err
	}
	if len(conditions) == 0 {
		return fmt.Errorf("no condition is given: what every request follows is set with route shift %s --to %s", p.view.Service.Name, m.To)
	}
	if m.To == "" {
		return errors.New("the rule does not say to which version the requests go: --to VERSION")
	}
	if err := p.mustVersion(m.To); err != nil {
		return err
	}
	targets, err := p.targets()
	if err != nil {
		return err
	}
	for _, t := range targets {
		if err := p.matchIn(t, m, conditions); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) matchIn(t target, m SetMatch, conditions []Condition) error {
	rules, err := p.rulesWithEnd(t)
	if err != nil {
		return err
	}
	w, err := p.wants(t, rules, conditions)
	if err != nil {
		return err
	}
	r, found := findRule(rules, m.Name, w)
	if !found {
		if r, err = p.newRule(t, rules, m.Name, w, place{first: m.First, before: m.Before}); err != nil {
			return err
		}
		r.raw[p.toField()] = []any{p.destination(r, m.To)}
		r.draft.because("%s: requests with %s go to %s", r.name(), Match{conditions}, m.To)
		return nil
	}
	if !w.metBy(r) {
		r.raw[p.whenField()] = w.list()
		r.draft.because("%s takes requests with %s", r.name(), Match{conditions})
	}
	if err := p.shiftRule(r, Shift{To: m.To}); err != nil {
		return err
	}
	return p.moveRule(rules, r, place{first: m.First, before: m.Before})
}

// findRule is the rule that is meant: of that name, else for just these
// requests.
func findRule(rules []ruleAt, name string, w wanted) (ruleAt, bool) {
	for _, r := range rules {
		if name != "" && r.view.Name == name || name == "" && w.metBy(r) {
			return r, true
		}
	}
	return ruleAt{}, false
}

// rulesWithEnd are the rules of a target with one at their end that takes what
// no other does: without it, the first rule with conditions makes everything
// else a 404 (istio.io/istio 1.29.1, pilot/pkg/networking/core/route/route.go:
// BuildHTTPRoutesForVirtualService). At a gateway none is added.
func (p *planner) rulesWithEnd(t target) ([]ruleAt, error) {
	rules := p.rules(t)
	if t.scope != meshScope {
		return rules, nil
	}
	if slices.ContainsFunc(rules, p.catchAll) {
		return rules, nil
	}
	end, err := p.makeCatchAll(t)
	if err != nil {
		return nil, err
	}
	if len(end) > 1 {
		return nil, p.severalPorts("a rule with conditions")
	}
	if t.table == nil {
		p.note("a catch-all rule is added: without it all other requests would be answered with 404")
	}
	return append(rules, end...), nil
}

// place is where a rule is put.
type place struct {
	first  bool
	before string
}

// newRule adds a rule. What the rule that takes such requests
// today does beside its destinations it does too: a timeout stays.
func (p *planner) newRule(t target, rules []ruleAt, name string, w wanted, at place) (ruleAt, error) {
	taken := w.taken
	d := p.routeOf(t)
	if taken != nil {
		d = taken.draft
	}
	if d == nil {
		return ruleAt{}, fmt.Errorf("%s has no rules for service %s", t.scope, p.view.Service.Name)
	}
	raw := map[string]any{}
	if taken != nil {
		for k, v := range taken.raw {
			if !slices.Contains(identity(), k) {
				raw[k] = deepCopy(v)
			}
		}
		dropFilter(raw, "RequestRedirect")
	}
	list := p.list()
	raw["name"] = uniqueName(d, list, name, w.conditions)
	raw[p.whenField()] = w.list()
	index, err := p.index(d, rules, taken, at)
	if err != nil {
		return ruleAt{}, err
	}
	setItems(d.spec(), list, slices.Insert(d.items(list), index, raw))
	d.mark(text(raw, "name"))
	r := ruleAt{scope: t.scope, draft: d, list: list, raw: raw}
	r.view = Rule{Name: text(raw, "name"), From: d.ref, Protocol: "http", Matches: w.matches}
	if taken != nil {
		r.view.To = taken.view.To
		if also := p.alsoDoes(taken.raw); also != "" {
			p.note("the new rule %s keeps what %s does: %s", r.view.Name, taken.name(), also)
		}
	}
	p.created = append(p.created, r)
	return r, nil
}

// index is the place of a new rule in its list: where it was asked to be, else
// before the rule that takes such requests today, which is the catch-all where
// no other does.
func (p *planner) index(d *draft, rules []ruleAt, taken *ruleAt, at place) (int, error) {
	items := d.items(p.list())
	switch {
	case at.first:
		return 0, nil
	case at.before != "":
		i := slices.IndexFunc(items, func(m map[string]any) bool { return text(m, "name") == at.before })
		if i < 0 {
			return 0, fmt.Errorf("there is no rule %s to put it before: %s", at.before, ruleNames(rules))
		}
		return i, nil
	case taken != nil:
		return slices.IndexFunc(items, func(m map[string]any) bool { return sameMap(m, taken.raw) }), nil
	}
	return len(items), nil
}

// moveRule puts a rule that is there where it was asked to be.
func (p *planner) moveRule(rules []ruleAt, r ruleAt, at place) error {
	if !at.first && at.before == "" {
		return nil
	}
	items := r.draft.items("http")
	from := slices.IndexFunc(items, func(m map[string]any) bool { return sameMap(m, r.raw) })
	to, err := p.index(r.draft, rules, nil, at)
	if err != nil {
		return err
	}
	if from == to || at.before != "" && from < to {
		return nil
	}
	items = slices.Delete(items, from, from+1)
	setItems(r.draft.spec(), "http", slices.Insert(items, to, r.raw))
	r.draft.because("%s is tried earlier", r.name())
	return nil
}

// uniqueName is a name that no rule of the object has yet.
func uniqueName(d *draft, list, name string, conditions []Condition) string {
	if name != "" {
		return name
	}
	base := nameOf(conditions)
	name = base
	for n := 2; slices.ContainsFunc(d.items(list), func(m map[string]any) bool { return text(m, "name") == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// identity are the fields by which a rule is itself: what it is called, for which
// requests it is, and what it answers in the place of the service.
func identity() []string {
	return []string{"name", "match", "matches", "redirect", "directResponse", "delegate"}
}

// alsoDoes lists what a rule does beside sending requests somewhere.
func (p *planner) alsoDoes(raw map[string]any) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(raw)) {
		if k != p.toField() && !slices.Contains(identity(), k) {
			all = append(all, k)
		}
	}
	return inWords(all, "and")
}

// sameMap reports whether two are one object in memory.
func sameMap(a, b map[string]any) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}
