package route

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// gateways adds a table for every gateway, and set of hosts there, that leads
// to the service. There, unlike in the mesh, the rules of all objects for a
// host are merged: in the order of their age, with those that take everything
// at the end (istio.io/istio 1.29.1, pilot/pkg/networking/core/gateway.go:
// buildGatewayHTTPRouteConfig, SortVHostRoutes).
func (l *look) gateways() {
	var lead []*source
	for _, h := range l.standsFor() {
		for _, src := range l.leading[h] {
			if !slices.Contains(lead, src) {
				lead = append(lead, src)
			}
		}
	}
	hosts := map[string]map[string]bool{}
	for _, src := range lead {
		for _, gw := range src.gateways {
			if gw == meshGateway || src.seen.none {
				continue
			}
			if hosts[gw] == nil {
				hosts[gw] = map[string]bool{}
			}
			for _, h := range src.hosts {
				hosts[gw][strings.ToLower(h)] = true
			}
		}
	}
	var absent []Table // of gateways that are not there: they come last
	for _, gw := range slices.Sorted(maps.Keys(hosts)) {
		var tables []Table
		for _, h := range slices.Sorted(maps.Keys(hosts[gw])) {
			tables = appendGatewayTable(tables, l.gatewayTable(gw, h))
		}
		if l.absentGateway(gw, tables) {
			absent = append(absent, tables...)
			continue
		}
		l.view.Tables = append(l.view.Tables, tables...)
	}
	l.view.Tables = append(l.view.Tables, absent...)
}

// appendGatewayTable joins the hosts of tables that are made of the same
// objects.
func appendGatewayTable(tables []Table, t Table) []Table {
	for i := range tables {
		if tables[i].From == t.From && slices.Equal(tables[i].Merged, t.Merged) {
			tables[i].Hosts = append(tables[i].Hosts, t.Hosts...)
			return tables
		}
	}
	return append(tables, t)
}

func (l *look) gatewayTable(gw, hostname string) Table {
	t := Table{Scope: "gateway/" + gw, Hosts: []string{hostname}}
	client, _, _ := strings.Cut(gw, "/")
	var last []Rule
	for _, src := range l.index.gateways[gw] {
		named := slices.ContainsFunc(src.hosts, func(h string) bool { return strings.EqualFold(h, hostname) })
		if !named || src.seen.none {
			continue
		}
		if t.From == (mesh.Ref{}) {
			t.API, t.From = src.api, src.ref
		} else {
			t.Merged = append(t.Merged, src.ref)
		}
		t.Merged = append(t.Merged, src.merged...)
		rules := l.rulesFor(src, gw, client)
		unreachable(rules)
		for _, r := range rules {
			if r.CatchAll() && kindOf(r.Protocol) == "http" {
				last = append(last, r)
			} else {
				t.Rules = append(t.Rules, r)
			}
		}
	}
	t.Rules = append(t.Rules, last...)
	unreachable(t.Rules)
	return t
}

// absentGateway reports whether a gateway is not there, and tells of it.
func (l *look) absentGateway(gw string, tables []Table) bool {
	ns, name, _ := strings.Cut(gw, "/")
	for _, t := range tables {
		kind := mesh.Gateways
		if t.API == Gateway {
			kind = mesh.KubernetesGateways
		}
		there := slices.ContainsFunc(l.s.Config[kind], func(u *unstructured.Unstructured) bool { return u.GetNamespace() == ns && u.GetName() == name })
		if there || !l.s.Complete(kind, ns) {
			continue
		}
		l.conflict("gateway-missing", []mesh.Ref{t.From}, "%s names Gateway %s, which is not there: nothing comes in by it", t.From, gw)
		return true
	}
	return false
}

// standsFor are the hosts that requests for the service, or one of its
// versions, are sent to.
func (l *look) standsFor() []string {
	hosts := []string{l.view.Host}
	for _, svc := range l.versionServices() {
		hosts = append(hosts, fqdn(svc.Namespace, svc.Name))
	}
	return hosts
}

// versionOf is what a route of Gateway API calls a Service: the version that it
// stands for, nothing for the service itself. A gateway's route leads to other
// services too, which are no versions.
func (l *look) versionOf(hostname, scope string) string {
	ns, name, ok := serviceOf(hostname)
	switch {
	case !ok || hostname == l.view.Host:
		return ""
	case ns == l.service.Namespace && strings.HasPrefix(name, l.service.Name+"-"):
		return strings.TrimPrefix(name, l.service.Name+"-")
	case scope == meshGateway:
		return cmp.Or(name, hostname)
	}
	return ""
}
