package route

import (
	"slices"
)

// object is what proxies' metadata calls what a source's routes are made of: a
// VirtualService, or the one that istiod makes of routes of Gateway API
// (istio.io/istio 1.29.1, pilot/pkg/networking/util/util.go:
// AddConfigInfoMetadata; pilot/pkg/config/kube/gateway/route_collections.go).
func (s *source) object() string {
	return "/apis/networking.istio.io/v1/namespaces/" + s.namespace + "/virtual-service/" + s.name
}

// expectService is what proxies have of a version's Service once it is made, or
// taken away.
func (p *planner) expectService(s *Step) {
	host := fqdn(s.Ref.Namespace, s.Ref.Name)
	var names []string
	for _, port := range p.view.Ports {
		if port.Protocol != "udp" {
			names = append(names, clusterName(port.Number, "", host))
		}
	}
	if s.After == nil {
		s.Expect.Gone = names
	} else if s.Before == nil {
		s.Expect.Clusters = names
	}
}

// expectRouteObject is what proxies make of a route: its rules among those of
// all routes that istiod joins with it, in their order. Of the others nothing is
// expected while it is there; once it is gone, they are what is left.
func (p *planner) expectRouteObject(plan *Plan, s *Step) []ExpectRoute {
	var all []ExpectRoute
	for _, t := range tablesOf(plan.Before, s) {
		left := slices.ContainsFunc(plan.After.Tables, func(o Table) bool { return o.object == t.object })
		if left || t.API != Gateway {
			continue
		}
		for _, port := range p.portsOf(t) {
			all = append(all, ExpectRoute{Host: p.hostOf(t), Port: port, Object: t.object, TCP: s.Ref.Kind == "TCPRoute"})
		}
	}
	was := tablesOf(plan.Before, s)
	for _, t := range plan.After.Tables {
		gone := slices.ContainsFunc(was, func(o Table) bool { return o.object == t.object })
		if t.API != Gateway || t.Loses || !(t.holds(s) || s.After == nil && gone) {
			continue
		}
		for _, port := range p.portsOf(t) {
			all = append(all, p.expectTable(t, s, port)...)
		}
	}
	return all
}

// holds reports whether rules of a step's object stand in a table.
func (t Table) holds(s *Step) bool {
	return slices.ContainsFunc(t.Rules, func(r Rule) bool { return r.From == s.Ref })
}

func tablesOf(v *View, s *Step) []Table {
	return slices.DeleteFunc(slices.Clone(v.Tables), func(t Table) bool { return !t.holds(s) || t.Loses })
}

// portsOf are the ports of the service that a table is for; 0 for a gateway's.
func (p *planner) portsOf(t Table) []int32 {
	if t.Scope != meshScope {
		return []int32{0}
	}
	if t.Ports != nil {
		return t.Ports
	}
	var all []int32
	for _, port := range p.view.Ports {
		if port.http() || port.tcp() {
			all = append(all, port.Number)
		}
	}
	return all
}

func (p *planner) hostOf(t Table) string {
	if t.Scope == meshScope {
		return p.view.Host
	}
	return t.Hosts[0]
}

// expectTable are the rules of a table that stand in a step's object, or all of
// them where the object is gone.
func (p *planner) expectTable(t Table, s *Step, port int32) []ExpectRoute {
	if t.Scope != meshScope {
		return nil // istiod joins what several gateways' listeners have
	}
	var all []ExpectRoute
	for i, r := range t.Rules {
		if r.Unreachable || s.After != nil && r.From != s.Ref {
			continue
		}
		e := ExpectRoute{Host: p.hostOf(t), Port: port, Object: t.object, Rule: i, TCP: r.Protocol == "tcp", Clusters: map[string]float64{}}
		for _, d := range r.To {
			if d.Share > 0 {
				e.Clusters[clusterName(orPort(d.Port, port), "", d.Host)] += d.Share
			}
		}
		if len(e.Clusters) == 0 {
			continue
		}
		if !e.TCP {
			e.Action = &ExpectAction{Timeout: durationOf(r.Timeout), Attempts: -1}
			if r.Retry == "never" {
				e.Action.Attempts = 0
			}
			for _, m := range r.Mirrors {
				if e.Action.Mirrors == nil {
					e.Action.Mirrors = map[string]float64{}
				}
				e.Action.Mirrors[clusterName(orPort(m.To.Port, port), "", m.To.Host)] = m.Percent
			}
		}
		all = append(all, e)
	}
	return all
}

func orPort(port, listener int32) int32 {
	if port != 0 {
		return port
	}
	return listener
}
