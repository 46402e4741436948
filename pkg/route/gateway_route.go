package route

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// grpc reports whether a target's rules stand in a GRPCRoute.
func (t target) grpc() bool { return t.table != nil && t.table.From.Kind == "GRPCRoute" }

// backendAt is the host that a reference to a backend names.
func backendAt(ref map[string]any, namespace string) string {
	if ns := text(ref, "namespace"); ns != "" {
		namespace = ns
	}
	if text(ref, "kind") == "Hostname" {
		return text(ref, "name")
	}
	return fqdn(namespace, text(ref, "name"))
}

// backend is a new reference to the service or a version of it, at the port
// that the rule's other references name, or that the route is for.
func (p *planner) backend(r ruleAt, version string) map[string]any {
	e := map[string]any{"name": p.view.Service.Name, "port": int64(p.backendPort(r))}
	if version != "" {
		e["name"] = p.serviceFor(version)
	}
	if ns := p.view.Service.Namespace; r.draft.ref.Namespace != ns {
		e["namespace"] = ns
		p.note("%s needs a ReferenceGrant in namespace %s to lead to Service %s there", r.draft.ref, ns, e["name"])
	}
	return e
}

// backendPort is the service's port that a rule leads to.
func (p *planner) backendPort(r ruleAt) int32 {
	raws := append([]map[string]any{r.raw}, r.draft.items("rules")...)
	for _, raw := range raws {
		for _, e := range itemsOf(raw, "backendRefs") {
			if _, ours := p.versionAt(backendAt(e, r.draft.ref.Namespace)); ours && whole(e["port"]) > 0 {
				return int32(whole(e["port"]))
			}
		}
	}
	for _, parent := range r.draft.items("parentRefs") {
		if text(parent, "kind") == "Service" && whole(parent["port"]) > 0 {
			return int32(whole(parent["port"]))
		}
	}
	return p.ruledPorts()[0].Number
}

// ruledPorts are the service's ports that rules of its protocol hold for.
func (p *planner) ruledPorts() []Port {
	ports := slices.DeleteFunc(slices.Clone(p.view.Ports), func(port Port) bool {
		return p.protocol() == "http" && !port.http() || p.protocol() == "tcp" && !port.tcp()
	})
	if len(ports) == 0 {
		return p.view.Ports
	}
	return ports
}

// makeRoutes adds a rule that sends what no other takes to all endpoints, as it
// goes without rules; and the routes, where there are none: one for each port,
// since a rule leads to one port. They are HTTPRoutes for gRPC too, of which
// more can be said than of GRPCRoutes.
func (p *planner) makeRoutes(t target) ([]ruleAt, error) {
	if d := p.routeOf(t); d != nil {
		if others := p.otherHosts(d); others != "" {
			return nil, fmt.Errorf("%s has no rule that takes all requests, and it is for %s too: name a rule with --rule", d.ref, others)
		}
		p.guesses = append(p.guesses, Conflict{Check: "no-catch-all", Message: fmt.Sprintf("%s had no rule that takes all requests; one is added, and requests that were answered with 404 reach the service", d.ref), Objects: []mesh.Ref{d.ref}})
		d.because("adds a rule that takes all other requests")
		d.mark(ruleDefault)
		return []ruleAt{p.addRest(t, d)}, nil
	}
	var all []ruleAt
	ports := p.ruledPorts()
	for _, port := range ports {
		kind, name := mesh.HTTPRoutes, p.view.Service.Name
		if p.protocol() == "tcp" {
			kind = mesh.TCPRoutes
		}
		if len(ports) > 1 {
			name = fmt.Sprintf("%s-%d", name, port.Number)
		}
		d := p.create(kind, name, "mesh", map[string]any{"parentRefs": []any{map[string]any{
			"group": "", "kind": "Service", "name": p.view.Service.Name, "port": int64(port.Number),
		}}})
		d.because("makes rules for clients in the mesh")
		if port.Protocol == "grpc" {
			p.note("%s is an HTTPRoute though port %d is gRPC: it holds for gRPC as well, and a GRPCRoute has no timeouts", d.ref, port.Number)
		}
		all = append(all, p.addRest(t, d))
	}
	if p.protocol() == "tcp" {
		p.alphaRoutes()
	}
	return all, nil
}

// addRest adds the rule that leads to all endpoints.
func (p *planner) addRest(t target, d *draft) ruleAt {
	raw := map[string]any{"name": ruleDefault}
	r := ruleAt{
		scope: t.scope, draft: d, list: "rules", raw: raw,
		view: Rule{Name: ruleDefault, From: d.ref, Protocol: p.protocol(), To: []Destination{{Host: p.view.Host, Weight: -1, Share: 100}}},
	}
	raw["backendRefs"] = []any{p.backend(r, "")}
	setItems(d.spec(), "rules", append(d.items("rules"), raw))
	p.created = append(p.created, r)
	return r
}

// severalPorts refuses what would need several routes at once.
func (p *planner) severalPorts(what string) error {
	return &RefusedError{
		Why:     fmt.Sprintf("service %s has several ports and no routes, and %s is for a route of one port", p.view.Service.Name, what),
		Instead: fmt.Sprintf("make the routes first: kubectl mesh route shift %s --to VERSION", p.view.Service.Name),
	}
}

// alphaRoutes tells what Istio needs for TCPRoutes (istio.io/istio 1.29.1,
// pilot/pkg/features: PILOT_ENABLE_ALPHA_GATEWAY_API; pkg/config/schema/gvr:
// TCPRoute is read as v1alpha2).
func (p *planner) alphaRoutes() {
	p.note("Istio 1.29 reads TCPRoutes of version v1alpha2, and only where istiod has PILOT_ENABLE_ALPHA_GATEWAY_API=true")
}

// otherParents are what a route is for beside the service and the gateways of
// its own; empty for nothing.
func (p *planner) otherParents(d *draft) string {
	var others []string
	for _, ref := range d.items("parentRefs") {
		if text(ref, "kind") == "Service" && backendAt(map[string]any{"name": ref["name"], "namespace": ref["namespace"]}, d.ref.Namespace) == p.view.Host {
			continue
		}
		kind := text(ref, "kind")
		if kind == "" {
			kind = "Gateway"
		}
		others = append(others, kind+" "+text(ref, "name"))
	}
	return inWords(others, "and")
}

// filterOf is the first filter of a type; nil for none.
func filterOf(raw map[string]any, kind string) map[string]any {
	for _, f := range itemsOf(raw, "filters") {
		if text(f, "type") == kind {
			return f
		}
	}
	return nil
}

// dropFilter takes all filters of a type away.
func dropFilter(raw map[string]any, kind string) {
	setItems(raw, "filters", slices.DeleteFunc(itemsOf(raw, "filters"), func(f map[string]any) bool { return text(f, "type") == kind }))
}

// mirrorsIn are the backends that a rule copies requests to.
func mirrorsIn(raw map[string]any) []map[string]any {
	var all []map[string]any
	for _, f := range itemsOf(raw, "filters") {
		m, _ := f["requestMirror"].(map[string]any)
		if to, ok := m["backendRef"].(map[string]any); ok {
			all = append(all, to)
		}
	}
	return all
}
