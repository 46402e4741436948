package route

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// meshScope is the scope of clients with a sidecar, and of waypoints.
const meshScope = "mesh"

// allScopes stands for every set of rules that leads to the service.
const allScopes = "all"

// target is a set of rules that the action is about.
type target struct {
	scope string
	table *Table // nil where there is none yet
}

// ruleAt is a rule in a draft, as it was written and as it is understood.
type ruleAt struct {
	scope string
	draft *draft
	list  string         // "http", "tcp": the list of the spec that it stands in
	raw   map[string]any // in the draft, to be edited in place
	view  Rule           // before the action; of a rule that is made, what is known of it
	place int            // in the table, from 1; 0 for one that is made
}

// name is what people call the rule.
func (r ruleAt) name() string {
	switch {
	case r.view.Name != "":
		return "rule " + r.view.Name
	case r.view.CatchAll() && r.http():
		return "the catch-all rule"
	}
	return fmt.Sprintf("rule #%d", r.place)
}

// http reports whether the rule is for requests, and not for connections.
func (r ruleAt) http() bool { return kindOf(r.view.Protocol) == "http" }

// targets are the sets of rules that the intent's scope names. Without one the
// mesh's are meant, unless a gateway's lead to the service as well.
func (p *planner) targets() ([]target, error) {
	mine, gateways := p.meshTargets(), p.gatewayTables()
	own := mine[0].table
	switch scope := p.intent.Scope; {
	case scope == meshScope:
		return mine, nil
	case scope == allScopes:
		all := mine
		for _, t := range gateways {
			if t.API == p.api {
				all = append(all, target{scope: t.Scope, table: t})
			}
		}
		return all, nil
	case scope != "":
		at := slices.IndexFunc(gateways, func(t *Table) bool { return t.Scope == scope })
		if at < 0 && p.intent.takesAway() && p.gatewayThere(scope) {
			return nil, nil
		}
		if at < 0 {
			return nil, fmt.Errorf("no rules of %s lead to service %s: %s", scope, p.view.Service.Name, p.scopeChoices(gateways))
		}
		if api := gateways[at].API; api != p.api {
			return nil, fmt.Errorf("the rules of %s for service %s stand in %s: use --api %s", scope, p.view.Service.Name, gateways[at].From, api)
		}
		return []target{{scope: scope, table: gateways[at]}}, nil
	}
	for _, t := range gateways {
		if own == nil || t.From != own.From {
			return nil, p.ambiguous(t, own)
		}
	}
	return mine, nil
}

// meshTargets are the rules that clients in the mesh follow: one set, or under
// Gateway API one for each port that has its own.
func (p *planner) meshTargets() []target {
	first := p.meshTable()
	all := []target{{scope: meshScope, table: first}}
	for i := range p.view.Tables {
		t := &p.view.Tables[i]
		if p.api == Gateway && t != first && t.API == Gateway && t.Scope == meshScope && t.For(p.view.Service.Namespace) {
			all = append(all, target{scope: meshScope, table: t})
		}
	}
	return all
}

// takesAway reports whether an intent is met where there are no rules.
func (i Intent) takesAway() bool {
	return i.Reset != nil || i.Match != nil && i.Match.Remove != "" || i.Fault != nil && i.Fault.Clear ||
		i.Timeout != nil && i.Timeout.Clear || i.Retry != nil && i.Retry.Clear || i.Mirror != nil && i.Mirror.Clear
}

// gatewayThere reports whether a scope names a Gateway that is there.
func (p *planner) gatewayThere(scope string) bool {
	kind := mesh.Gateways
	if p.api == Gateway {
		kind = mesh.KubernetesGateways
	}
	return slices.ContainsFunc(p.snapshot.Config[kind], func(u *unstructured.Unstructured) bool {
		return scope == "gateway/"+u.GetNamespace()+"/"+u.GetName()
	})
}

// ambiguous refuses to guess whether public traffic is meant too.
func (p *planner) ambiguous(t, own *Table) error {
	inside := "clients in the mesh follow no rules yet"
	if own != nil {
		inside = "clients in the mesh follow " + own.From.String()
	}
	return &RefusedError{
		Check:   "route-scope-ambiguous",
		Why:     fmt.Sprintf("requests come to service %s through %s by the rules of %s, and %s", p.view.Service.Name, t.Scope, t.From, inside),
		Instead: fmt.Sprintf("say which are meant: --scope mesh, --scope %s, or --scope all", t.Scope),
	}
}

func (p *planner) scopeChoices(gateways []*Table) string {
	all := []string{meshScope}
	for _, t := range gateways {
		all = append(all, t.Scope)
	}
	return "there are " + inWords(all, "and")
}

// meshTable is the table that clients in the service's own namespace follow,
// of the planner's API; where they follow another, the oldest that loses.
func (p *planner) meshTable() *Table {
	ns := p.view.Service.Namespace
	var loser *Table
	for i := range p.view.Tables {
		t := &p.view.Tables[i]
		if t.Scope != meshScope || t.API != p.api {
			continue
		}
		here := len(t.Only) == 0 || slices.Contains(t.Only, ns)
		if here && !t.Loses && !slices.Contains(t.Except, ns) {
			return t
		}
		if loser == nil {
			loser = t
		}
	}
	return loser
}

// gatewayTables are the tables of gateways that lead to the service and that
// somebody follows.
func (p *planner) gatewayTables() []*Table {
	var all []*Table
	for i := range p.view.Tables {
		if t := &p.view.Tables[i]; t.Scope != meshScope && !t.Loses {
			all = append(all, t)
		}
	}
	return all
}

// protocol is that of the rules that hold for the service: http where a port is,
// or may be, HTTP, else tcp.
func (p *planner) protocol() string {
	for _, port := range p.view.Ports {
		if port.http() {
			return "http"
		}
	}
	return "tcp"
}

// onlyHTTP refuses what TCP connections cannot have.
func (p *planner) onlyHTTP(what string) error {
	if p.protocol() == "http" {
		return nil
	}
	return &RefusedError{
		Why:     fmt.Sprintf("service %s has no HTTP port, and %s is for HTTP requests alone", p.view.Service.Name, what),
		Instead: "where the port does speak HTTP, say so by its name (http, http-…) or appProtocol",
	}
}

// rules are a target's rules of the service's protocol, in their order.
func (p *planner) rules(t target) []ruleAt {
	if t.table == nil {
		return nil
	}
	var all []ruleAt
	for i, r := range t.table.Rules {
		kind, ok := p.routeKind(r.From.Kind)
		if !ok || kindOf(r.Protocol) != p.protocol() {
			continue
		}
		d := p.open(kind, r.From.Namespace, r.From.Name)
		listed, at, ok := placeOf(r.Field)
		if !ok || d == nil {
			continue
		}
		if before := slices.IndexFunc(all, func(o ruleAt) bool { return o.view.From == r.From && o.view.Field == r.Field }); before >= 0 {
			all[before].view.Matches = append(slices.Clone(all[before].view.Matches), orEvery(r.Matches)...)
			continue // Gateway API ranks the alternatives of a rule one by one
		}
		if raw := d.ruleRead(listed, at); raw != nil {
			all = append(all, ruleAt{scope: t.scope, draft: d, list: listed, raw: raw, view: r, place: i + 1})
		}
	}
	return all
}

// placeOf reads where a rule stands in its object: "spec.http[1]".
func placeOf(field string) (list string, at int, ok bool) {
	rest, ok := strings.CutPrefix(field, "spec.")
	list, index, bracket := strings.Cut(strings.TrimSuffix(rest, "]"), "[")
	at, err := strconv.Atoi(index)
	return list, at, ok && bracket && err == nil
}

// leads reports whether a rule sends requests to the service.
func (p *planner) leads(r ruleAt) bool {
	return slices.ContainsFunc(r.view.To, p.ours)
}

// catchAll reports whether a rule takes every request that reaches it.
func (p *planner) catchAll(r ruleAt) bool { return r.view.CatchAll() }

// only is the one port that clients can use; 0 where there are several.
func (p *planner) only() int32 {
	if len(p.view.Ports) != 1 {
		return 0
	}
	return p.view.Ports[0].Number
}
