package route

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// reset takes away what plans made, or everything, or faults whose time for
// review has passed.
func (p *planner) reset(r Reset) error {
	if r.Expired {
		p.resetExpired()
		return nil
	}
	gone, err := p.resetRules(r)
	if err != nil {
		return err
	}
	for _, d := range p.destinationRules() {
		p.resetSubsets(d, r.All, gone)
	}
	return nil
}

// resetRules takes VirtualServices away, or the rules in them that plans made.
func (p *planner) resetRules(r Reset) ([]*draft, error) {
	var gone []*draft
	if r.All {
		targets, err := p.targets()
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			for _, d := range p.objectsOf(t) {
				if others := p.otherUse(t, d); others != "" {
					return nil, &RefusedError{
						Why:     fmt.Sprintf("%s is not for service %s alone, but for %s too", d.ref, p.view.Service.Name, others),
						Instead: "take its rules away one by one: kubectl mesh route match " + p.view.Service.Name + " --remove NAME",
					}
				}
				d.because("removes all rules for %s", t.scope)
				d.after = nil
				gone = append(gone, d)
			}
		}
		return gone, nil
	}
	for _, d := range p.routing() {
		switch {
		case d.ours():
			d.because("removes what kubectl mesh made")
			d.after = nil
			gone = append(gone, d)
		case len(d.made()) > 0:
			p.resetMade(d)
		}
	}
	return gone, nil
}

// routing are the VirtualServices that hold rules for the service.
func (p *planner) routing() []*draft {
	var all []*draft
	for _, t := range p.view.Tables {
		for _, d := range p.objectsOf(target{scope: t.Scope, table: &t}) {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// objectsOf are the VirtualServices that a table's rules stand in.
func (p *planner) objectsOf(t target) []*draft {
	if t.table == nil || t.table.API != p.api {
		return nil
	}
	var all []*draft
	for _, r := range t.table.Rules {
		kind, ok := p.routeKind(r.From.Kind)
		if !ok {
			continue
		}
		leads := slices.ContainsFunc(r.To, p.ours)
		d := p.open(kind, r.From.Namespace, r.From.Name)
		if d != nil && !slices.Contains(all, d) && (leads || t.scope == meshScope) {
			all = append(all, d)
		}
	}
	return all
}

// otherUse says what else an object is for; empty for nothing.
func (p *planner) otherUse(t target, d *draft) string {
	if t.scope == meshScope {
		if hosts := p.otherHosts(d); hosts != "" {
			return hosts
		}
		if gws := slices.DeleteFunc(gatewaysOf(d.spec(), d.ref.Namespace), func(g string) bool { return g == meshGateway }); len(gws) > 0 {
			return "Gateway " + inWords(gws, "and")
		}
		return ""
	}
	for _, field := range ruleLists() {
		for _, raw := range d.items(field) {
			if !p.leadsRaw(raw, d.ref.Namespace) {
				return "other services"
			}
		}
	}
	return ""
}

// resetMade takes the rules out of somebody else's object that plans made.
func (p *planner) resetMade(d *draft) {
	for _, name := range d.made() {
		for _, field := range ruleLists() {
			items := d.items(field)
			left := slices.DeleteFunc(slices.Clone(items), func(m map[string]any) bool { return text(m, "name") == name })
			if len(left) < len(items) && len(left) > 0 {
				setItems(d.spec(), field, left)
				d.because("removes rule %s", name)
			}
		}
	}
	d.annotate(RouteMade, "")
	d.forgetReview()
	p.note("what was changed in rules of %s that others made stays: route undo takes changes back", d.ref)
}

// resetSubsets takes a DestinationRule of ours away, or the subsets in one of
// others that plans made. With all it goes whoever made it. A subset that a
// rule still names stays.
func (p *planner) resetSubsets(d *draft, all bool, gone []*draft) {
	made := d.made()
	if !all && !d.ours() && len(made) == 0 {
		return
	}
	var left []map[string]any
	for _, s := range d.items("subsets") {
		name := text(s, "name")
		mine := all || d.ours() || slices.Contains(made, name)
		if used := p.stillNamed(name, gone); mine && used == "" {
			d.because("removes subset %s", name)
			d.unmark(name)
			continue
		} else if mine {
			p.note("subset %s stays: %s names it", name, used)
		}
		left = append(left, s)
	}
	setItems(d.spec(), "subsets", left)
	if (all || d.ours()) && len(left) == 0 {
		d.after = nil
	}
}

// stillNamed is an object whose rules name a version and that stays.
func (p *planner) stillNamed(name string, gone []*draft) string {
	for _, u := range p.snapshot.Config[mesh.VirtualServices] {
		spec, _ := u.Object["spec"].(map[string]any)
		for _, d := range p.drafts {
			if d.kind != mesh.VirtualServices || d.ref != refOf(u) {
				continue
			}
			if spec = nil; !slices.Contains(gone, d) {
				spec = d.spec()
			}
		}
		if p.names(spec, u.GetNamespace(), name) {
			return refOf(u).String()
		}
	}
	return ""
}

// names reports whether a VirtualService's rules name a version.
func (p *planner) names(spec map[string]any, namespace, version string) bool {
	is := func(v any) bool {
		to, _ := v.(map[string]any)
		return text(to, "subset") == version && resolve(text(to, "host"), namespace) == p.view.Host
	}
	for _, field := range []string{"http", "tcp", "tls"} {
		for _, raw := range itemsOf(spec, field) {
			for _, e := range append(itemsOf(raw, "route"), itemsOf(raw, "mirrors")...) {
				if is(e["destination"]) {
					return true
				}
			}
			if is(raw["mirror"]) {
				return true
			}
		}
	}
	return false
}

// resetExpired clears the faults of objects whose time for review has passed.
func (p *planner) resetExpired() {
	for _, d := range p.faulty() {
		when, err := time.Parse(time.RFC3339, d.after.GetAnnotations()[FaultReview])
		if err != nil || when.After(p.snapshot.Time) {
			continue
		}
		for _, t := range p.view.Tables {
			at := target{scope: t.Scope, table: &t}
			if d.after == nil {
				break
			}
			for _, r := range p.rules(at) {
				if r.draft == d && d.after != nil && r.raw["fault"] != nil {
					p.clearFault(at, r)
				}
			}
		}
	}
}
