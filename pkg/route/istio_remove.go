package route

import (
	"fmt"
	"slices"
)

// removeRule takes the rule of a name away.
func (p *planner) removeRule(name string) error {
	targets, err := p.targets()
	if err != nil {
		return err
	}
	found := false
	var others []ruleAt
	for _, t := range targets {
		rules := p.rules(t)
		for _, r := range rules {
			if r.view.Name != name {
				others = append(others, r)
				continue
			}
			if p.catchAll(r) && t.scope == meshScope && len(rules) > 1 {
				return fmt.Errorf("rule %s takes all requests that no other rule does: without it they would be answered with 404; use route shift to send them elsewhere", name)
			}
			found = true
			p.dropRule(r)
			r.draft.because("removes rule %s", name)
		}
	}
	if !found && len(others) > 0 {
		p.note("no rule is called %s: %s", name, ruleNames(others))
	}
	return nil
}

// dropRule takes a rule out of its list, and with it an object of ours that
// says nothing any more.
func (p *planner) dropRule(r ruleAt) {
	items := slices.DeleteFunc(r.draft.items(r.list), func(m map[string]any) bool { return sameMap(m, r.raw) })
	setItems(r.draft.spec(), r.list, items)
	r.draft.unmark(r.view.Name)
	r.draft.forgetReview()
	p.tidy(r.draft)
}

// tidy takes a VirtualService of ours away that does no more than the mesh does
// without it: it sends everything to all endpoints.
func (p *planner) tidy(d *draft) {
	if d.after == nil || !d.ours() || d.before == nil {
		return
	}
	var left []map[string]any
	for _, list := range ruleLists() {
		left = append(left, d.items(list)...)
	}
	if len(left) > 1 || len(left) == 1 && !p.trivial(d, left[0]) {
		return
	}
	d.after = nil
}

// trivial reports whether a rule does what happens without it.
func (p *planner) trivial(d *draft, raw map[string]any) bool {
	for k := range raw {
		if k != "name" && k != p.toField() {
			return false
		}
	}
	entries := itemsOf(raw, p.toField())
	if len(entries) != 1 || !p.plain(entries[0]) || p.otherHosts(d) != "" || d.spec()["gateways"] != nil {
		return false
	}
	if p.api == Gateway {
		host, version := p.destinationAt(entries[0], d.ref.Namespace)
		return host == p.view.Host && version == "" && p.weightOf(entries[0]) > 0
	}
	to, _ := entries[0]["destination"].(map[string]any)
	return len(to) == 1 && resolve(text(to, "host"), d.ref.Namespace) == p.view.Host
}
