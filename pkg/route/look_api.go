package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gateway "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// apiRoute is a route of Gateway API, of whatever kind, as it is filed.
type apiRoute struct {
	ref     mesh.Ref
	created time.Time
	parents []gateway.ParentReference
	hosts   []gateway.Hostname
	entries []apiEntry
}

// apiEntry is a rule, or one alternative of its matches, with what decides
// about its place among others.
type apiEntry struct {
	entry
	rank, length, headers, queries int
	method                         bool
}

// apiRoutes files the routes of Gateway API. All that one namespace has for
// one service, or that any has for one host of a gateway, is one source, as
// Istio merges them (istio.io/istio 1.29.1,
// pilot/pkg/config/kube/gateway/route_collections.go: mergeHTTPRoutes).
func (x *index) apiRoutes() {
	for _, k := range []mesh.Kind{mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes} {
		var routes []apiRoute
		for _, u := range x.s.Config[k] {
			ref := refOf(u)
			x.objects[ref] = u
			r, err := readRoute(k, u, ref)
			if err != nil {
				x.unreadable(u, err)
				continue
			}
			routes = append(routes, r)
		}
		slices.SortFunc(routes, func(a, b apiRoute) int {
			return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.ref.Namespace, b.ref.Namespace), cmp.Compare(a.ref.Name, b.ref.Name))
		})
		x.mergeRoutes(k, routes)
	}
}

// mergeRoutes makes sources of routes, which are ordered by age.
func (x *index) mergeRoutes(k mesh.Kind, routes []apiRoute) {
	merged := map[string]*source{}
	var keys []string
	parts := map[string][]apiEntry{}
	for _, r := range routes {
		for _, p := range r.parents {
			for _, to := range parentOf(p, r) {
				key := to.key
				src := merged[key]
				if src == nil {
					src = &source{
						api: Gateway, ref: r.ref, namespace: r.ref.Namespace, created: r.created, name: strings.ReplaceAll(key, "/", "~"),
						hosts: []string{to.host}, gateways: []string{to.gateway}, port: to.port, seen: exportTo{public: true},
					}
					merged[key] = src
					keys = append(keys, key)
				} else if src.ref != r.ref && !slices.Contains(src.merged, r.ref) {
					src.merged = append(src.merged, r.ref)
				}
				for _, e := range r.entries {
					e.entry = e.onPort(to.port)
					parts[key] = append(parts[key], e)
					if to.gateway == meshGateway {
						x.backends[to.host] = append(x.backends[to.host], e.hosts...)
					}
				}
			}
		}
	}
	for _, key := range keys {
		src := merged[key]
		if k != mesh.TCPRoutes {
			sortEntries(parts[key])
		}
		src.entries = joined(parts[key])
		x.file(src)
	}
}

// parent is what a route is bound to.
type parent struct {
	gateway, host, key string
	port               int32
}

// parentOf reads a parent reference: a Service is the mesh's way to it, a
// Gateway lets requests for the route's hosts in. Others are passed over.
func parentOf(p gateway.ParentReference, r apiRoute) []parent {
	ns, port := r.ref.Namespace, int32(0)
	if p.Namespace != nil {
		ns = string(*p.Namespace)
	}
	if p.Port != nil {
		port = int32(*p.Port)
	}
	group, kind := gateway.GroupName, "Gateway"
	if p.Group != nil {
		group = string(*p.Group)
	}
	if p.Kind != nil {
		kind = string(*p.Kind)
	}
	switch {
	case group == "" && kind == "Service":
		h := fqdn(ns, string(p.Name))
		key := r.ref.Namespace + "/" + h
		if port != 0 {
			key = fmt.Sprintf("%s/%d/%s", r.ref.Namespace, port, h)
		}
		return []parent{{gateway: meshGateway, host: h, key: key, port: port}}
	case group == gateway.GroupName && kind == "Gateway":
		gw := ns + "/" + string(p.Name)
		hosts := r.hosts
		if len(hosts) == 0 {
			hosts = []gateway.Hostname{"*"}
		}
		var all []parent
		for _, h := range hosts {
			all = append(all, parent{gateway: gw, host: string(h), key: gw + "/" + string(h)})
		}
		return all
	}
	return nil
}

// onPort is an entry for the requests to one port of the service; 0 for all.
func (e entry) onPort(port int32) entry {
	if port == 0 {
		return e
	}
	matches := make([]match, 0, len(e.matches)+1)
	for _, m := range e.matches {
		m.port = uint32(port)
		matches = append(matches, m)
	}
	if e.any {
		matches = append(matches, match{port: uint32(port), whole: true})
	}
	e.matches, e.any = matches, false
	return e
}

// sortEntries orders rules as Gateway API wants it: by kind of path, its
// length, method, number of headers and of query parameters; else by age and
// place (pilot/pkg/config/kube/gateway/conversion.go: sortHTTPRoutes).
func sortEntries(all []apiEntry) {
	yes := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b apiEntry) int {
		return cmp.Or(
			cmp.Compare(b.rank, a.rank), cmp.Compare(b.length, a.length), cmp.Compare(yes(b.method), yes(a.method)),
			cmp.Compare(b.headers, a.headers), cmp.Compare(b.queries, a.queries),
		)
	})
}

// joined puts the alternatives of a rule together again, where sorting left
// them beside each other.
func joined(parts []apiEntry) []entry {
	var all []entry
	for _, p := range parts {
		if n := len(all); n > 0 && all[n-1].rule.From == p.rule.From && all[n-1].rule.Field == p.rule.Field {
			all[n-1].matches = append(slices.Clone(all[n-1].matches), p.matches...)
			all[n-1].any = all[n-1].any || p.any
			continue
		}
		all = append(all, p.entry)
	}
	return all
}

func readRoute(k mesh.Kind, u *unstructured.Unstructured, ref mesh.Ref) (apiRoute, error) {
	r := apiRoute{ref: ref, created: u.GetCreationTimestamp().Time}
	switch k {
	case mesh.GRPCRoutes:
		spec := gateway.GRPCRouteSpec{}
		if err := into(u, &spec); err != nil {
			return r, err
		}
		r.parents, r.hosts = spec.ParentRefs, spec.Hostnames
		for i, rule := range spec.Rules {
			r.entries = append(r.entries, grpcEntries(rule, ref, i)...)
		}
	case mesh.TCPRoutes:
		spec := tcpRouteSpec{}
		if err := into(u, &spec); err != nil {
			return r, err
		}
		r.parents = spec.ParentRefs
		for i, rule := range spec.Rules {
			e := apiEntry{entry: entry{rule: Rule{Name: rule.Name, From: ref, Field: ruleField(i), Protocol: "tcp"}, any: true, routed: true}}
			e.backends(rule.BackendRefs, ref.Namespace)
			r.entries = append(r.entries, e)
		}
	default:
		spec := gateway.HTTPRouteSpec{}
		if err := into(u, &spec); err != nil {
			return r, err
		}
		r.parents, r.hosts = spec.ParentRefs, spec.Hostnames
		for i, rule := range spec.Rules {
			r.entries = append(r.entries, httpEntries(rule, ref, i)...)
		}
	}
	return r, nil
}

// tcpRouteSpec is what all served versions of TCPRoute have in common.
type tcpRouteSpec struct {
	ParentRefs []gateway.ParentReference `json:"parentRefs"`
	Rules      []struct {
		Name        string               `json:"name"`
		BackendRefs []gateway.BackendRef `json:"backendRefs"`
	} `json:"rules"`
}

func ruleField(i int) string { return fmt.Sprintf("spec.rules[%d]", i) }
