package route

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// ruleDefault is the name of catch-all rules that are made.
const ruleDefault = "default"

// pick finds the rules that the intent names in every target, and makes the
// catch-all where the mesh has none.
func (p *planner) pick(add bool) ([]ruleAt, error) {
	targets, err := p.targets()
	if err != nil {
		return nil, err
	}
	var all []ruleAt
	for _, t := range targets {
		got, err := p.pickIn(t, add)
		if err != nil {
			return nil, err
		}
		for _, r := range got {
			if !slices.ContainsFunc(all, func(o ruleAt) bool { return same(o, r) }) {
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// same reports whether two are one rule of one object, seen from two scopes.
func same(a, b ruleAt) bool {
	return a.draft == b.draft && a.view.Field == b.view.Field && a.place > 0 && b.place > 0
}

func (p *planner) pickIn(t target, add bool) ([]ruleAt, error) {
	rules := p.rules(t)
	switch name := p.intent.Rule; {
	case name == "":
		return p.pickDefault(t, rules, add)
	case name == "all":
		rules = slices.DeleteFunc(rules, func(r ruleAt) bool { return !p.leads(r) })
		if len(rules) == 0 && t.scope == meshScope {
			return p.pickDefault(t, nil, add)
		}
		return rules, nil
	case strings.HasPrefix(name, "#"):
		place, err := strconv.Atoi(name[1:])
		for _, r := range rules {
			if err == nil && r.place == place {
				return []ruleAt{r}, nil
			}
		}
		return nil, p.noSuchRule(t, rules)
	default:
		var found []ruleAt
		for _, r := range rules {
			if r.view.Name == name {
				found = append(found, r)
			}
		}
		switch {
		case len(found) == 1:
			return found, nil
		case len(found) > 1:
			return nil, fmt.Errorf("%d rules are called %s: name one by its place, --rule '#%d'", len(found), name, found[0].place)
		case name == ruleDefault && t.scope == meshScope:
			return p.pickDefault(t, rules, add) // what people call the catch-all
		}
		return nil, p.noSuchRule(t, rules)
	}
}

func (p *planner) noSuchRule(t target, rules []ruleAt) error {
	if len(rules) == 0 {
		return fmt.Errorf("there is no rule %s: service %s has no rules for %s", p.intent.Rule, p.view.Service.Name, t.scope)
	}
	return fmt.Errorf("there is no rule %s for %s: %s", p.intent.Rule, t.scope, ruleNames(rules))
}

// ruleNames lists rules as they can be named.
func ruleNames(rules []ruleAt) string {
	var all []string
	for _, r := range rules {
		name := fmt.Sprintf("#%d", r.place)
		if r.view.Name != "" {
			name += " " + r.view.Name
		}
		all = append(all, name)
	}
	return "there are " + inWords(all, "and")
}

// pickDefault is the rule that takes what no other takes. At a gateway none is
// made, which would open what was closed: the only rule that leads to the
// service is meant there.
func (p *planner) pickDefault(t target, rules []ruleAt, add bool) ([]ruleAt, error) {
	for _, r := range rules {
		if p.catchAll(r) && (t.scope == meshScope || p.leads(r)) {
			return []ruleAt{r}, nil
		}
	}
	if t.scope != meshScope {
		leading := slices.DeleteFunc(slices.Clone(rules), func(r ruleAt) bool { return !p.leads(r) })
		if len(leading) != 1 {
			return nil, fmt.Errorf("%d rules of %s lead to service %s: name one with --rule, or --rule all; %s", len(leading), t.scope, p.view.Service.Name, ruleNames(leading))
		}
		return leading, nil
	}
	if !add {
		return nil, nil
	}
	return p.makeCatchAll(t)
}

// makeCatchAll adds a rule that sends what no other takes to all endpoints, as
// it goes without rules; and the VirtualService, where there is none.
func (p *planner) makeCatchAll(t target) ([]ruleAt, error) {
	if p.api == Gateway {
		return p.makeRoutes(t)
	}
	to := map[string]any{"destination": map[string]any{"host": p.view.Host}}
	rule := map[string]any{"route": []any{to}}
	if p.list() == "http" {
		rule["name"] = ruleDefault
	}
	d := p.routeOf(t)
	if d == nil {
		d = p.create(mesh.VirtualServices, p.view.Service.Name, "mesh", map[string]any{"hosts": []any{p.view.Host}})
		d.because("makes rules for clients in the mesh")
	} else if others := p.otherHosts(d); others != "" {
		return nil, fmt.Errorf("%s has no rule that takes all requests, and it is for %s too: name a rule with --rule", d.ref, others)
	} else {
		p.guesses = append(p.guesses, Conflict{Check: "no-catch-all", Message: fmt.Sprintf("%s had no rule that takes all requests; one is added, and requests that were answered with 404 reach the service", d.ref), Objects: []mesh.Ref{d.ref}})
		d.because("adds a rule that takes all other requests")
		d.mark(ruleDefault)
	}
	setItems(d.spec(), p.list(), append(d.items(p.list()), rule))
	r := ruleAt{
		scope: t.scope, draft: d, list: p.list(), raw: rule,
		view: Rule{Name: ruleDefault, From: d.ref, Protocol: p.list(), To: []Destination{{Host: p.view.Host, Weight: -1, Share: 100}}},
	}
	p.created = append(p.created, r)
	return []ruleAt{r}, nil
}

// routeOf is the draft of the object that a target's rules stand in.
func (p *planner) routeOf(t target) *draft {
	for _, r := range p.created {
		if r.scope == t.scope {
			return r.draft
		}
	}
	if t.table == nil {
		return nil
	}
	kind, ok := p.routeKind(t.table.From.Kind)
	if !ok {
		return nil
	}
	return p.open(kind, t.table.From.Namespace, t.table.From.Name)
}

// otherHosts are the hosts of a VirtualService beside the service's; empty for
// none. Of a route of Gateway API they are its other parents.
func (p *planner) otherHosts(d *draft) string {
	if p.api == Gateway {
		return p.otherParents(d)
	}
	hosts, _ := d.spec()["hosts"].([]any)
	var others []string
	for _, h := range hosts {
		if name, _ := h.(string); resolve(name, d.ref.Namespace) != p.view.Host {
			others = append(others, name)
		}
	}
	return inWords(others, "and")
}
