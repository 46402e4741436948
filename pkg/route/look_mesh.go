package route

import (
	"cmp"
	"slices"
)

// contest is which object wins for whom: by client namespace, the ports of the
// service for which each does. The namespace "" stands for all that no object
// names.
type contest struct {
	candidates []*source
	clients    []string
	wins       map[*source]map[string][]int32
}

// mesh adds the tables that sidecars follow, and what competes.
func (l *look) mesh() {
	c := l.contest()
	for _, src := range c.candidates {
		t := l.meshTable(c, src)
		l.view.Tables = append(l.view.Tables, t)
	}
	slices.SortStableFunc(l.view.Tables, func(a, b Table) int { return cmp.Compare(order(a, l.service.Namespace), order(b, l.service.Namespace)) })
	own := l.service.Namespace
	for _, src := range c.candidates {
		if len(c.wins[src][own]) > 0 && (l.view.API == None || len(c.wins[src][own]) == len(l.view.Ports)) {
			l.view.API = src.api
		}
	}
	l.meshConflicts(c)
}

// order puts first what clients in the service's namespace follow, and last
// what nobody does.
func order(t Table, own string) int {
	switch {
	case t.Loses:
		return 2
	case t.For(own):
		return 0
	}
	return 1
}

// For reports whether clients in a namespace follow the table.
func (t Table) For(namespace string) bool {
	if t.Loses || slices.Contains(t.Except, namespace) {
		return false
	}
	return len(t.Only) == 0 || slices.Contains(t.Only, namespace)
}

// contest finds the objects that say how sidecars route the service, and who
// follows which: the first that has rules for a client and a port wins whole
// (istio.io/istio 1.29.1, pilot/pkg/networking/core/httproute.go:
// BuildSidecarOutboundVirtualHosts).
func (l *look) contest() contest {
	c := contest{wins: map[*source]map[string][]int32{}, clients: []string{"", l.service.Namespace}}
	c.candidates = slices.Clone(l.exact[l.view.Host])
	for _, src := range l.wild {
		if src.best(l.view.Host) != "" && !slices.Contains(c.candidates, src) {
			c.candidates = append(c.candidates, src)
		}
	}
	for _, src := range c.candidates {
		c.clients = append(append(c.clients, src.namespace), src.seen.namespaces...)
		for _, e := range src.entries {
			for _, m := range e.matches {
				c.clients = append(c.clients, m.sourceNamespace)
			}
		}
		c.wins[src] = map[string][]int32{}
	}
	slices.Sort(c.clients)
	c.clients = slices.Compact(c.clients)
	for _, client := range c.clients {
		ordered := l.tried(c.candidates, client)
		for _, p := range l.view.Ports {
			for _, src := range winners(ordered, client, p) {
				if !slices.Contains(c.wins[src][client], p.Number) {
					c.wins[src][client] = append(c.wins[src][client], p.Number)
				}
			}
		}
	}
	return c
}

// tried are the objects that the proxies of a namespace look at, in their
// order. An object that names the host itself leaves no room for wildcards, of
// which the narrowest counts (pilot/pkg/model/sidecar.go:
// computeWildcardHostVirtualServiceIndex).
func (l *look) tried(candidates []*source, client string) []*source {
	var seen []*source
	for _, src := range candidates {
		if src.seen.seenFrom(client) {
			seen = append(seen, src)
		}
	}
	slices.SortFunc(seen, func(a, b *source) int { return cmp.Or(cmp.Compare(a.rank(client), b.rank(client)), older(a, b)) })
	narrowest := ""
	for _, src := range seen {
		if h := src.best(l.view.Host); narrowest == "" || moreSpecific(h, narrowest) {
			narrowest = h
		}
	}
	first := true
	return slices.DeleteFunc(seen, func(src *source) bool {
		if src.api == Gateway && src.namespace != l.service.Namespace && src.namespace != client {
			return true // a consumer's routes are for its own clients
		}
		best := src.best(l.view.Host)
		if best != narrowest {
			return true
		}
		if wildcard(best) {
			defer func() { first = false }()
			return !first
		}
		return false
	})
}

// winners are the objects whose rules a port has: one for http, one for tcp,
// one for tls.
func winners(ordered []*source, client string, p Port) []*source {
	var found []*source
	for protocol, fits := range map[string]bool{"http": p.http(), "tcp": p.tcp(), "tls": p.tls()} {
		if !fits {
			continue
		}
		at := slices.IndexFunc(ordered, func(src *source) bool {
			return slices.ContainsFunc(src.entries, func(e entry) bool {
				return kindOf(e.rule.Protocol) == protocol && e.lives(meshGateway, client, p.Number)
			})
		})
		if at >= 0 && !slices.Contains(found, ordered[at]) {
			found = append(found, ordered[at])
		}
	}
	return found
}

// kindOf is the section of rules that a protocol stands in.
func kindOf(protocol string) string {
	if protocol == "grpc" {
		return "http"
	}
	return protocol
}

func (l *look) meshTable(c contest, src *source) Table {
	t := Table{API: src.api, Scope: meshGateway, From: src.ref, Merged: src.merged, Hosts: src.hosts, object: src.object()}
	var ports []int32
	for _, client := range c.clients {
		won := c.wins[src][client]
		for _, p := range won {
			if !slices.Contains(ports, p) {
				ports = append(ports, p)
			}
		}
		if client == "" {
			continue
		}
		if len(won) > 0 {
			t.Only = append(t.Only, client)
		} else {
			t.Except = append(t.Except, client)
		}
	}
	if len(c.wins[src][""]) > 0 {
		t.Only = nil
	} else {
		t.Except = nil
	}
	t.Loses = len(ports) == 0
	if !t.Loses && len(ports) < len(l.view.Ports) {
		slices.Sort(ports)
		t.Ports = ports
	}
	client := l.service.Namespace
	if len(t.Only) > 0 && !slices.Contains(t.Only, client) {
		client = t.Only[0]
	}
	t.Rules = l.rulesFor(src, meshGateway, client)
	unreachable(t.Rules)
	return t
}
