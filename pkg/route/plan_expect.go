package route

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func metaTime(t time.Time) metav1.Time { return metav1.Time{Time: t} }

// clusterName is what Istio calls the endpoints of a version in a proxy
// (istio.io/istio 1.29.1, pilot/pkg/model/service.go: BuildSubsetKey).
func clusterName(port int32, version, host string) string {
	return fmt.Sprintf("outbound|%d|%s|%s", port, version, host)
}

// clusters are those of a version, one for each port.
func (p *planner) clusters(version string) []string {
	var all []string
	for _, port := range p.view.Ports {
		if port.Protocol != "udp" {
			all = append(all, clusterName(port.Number, version, p.view.Host))
		}
	}
	return all
}

// expect says of every step what proxies have once it has reached them.
func (p *planner) expect(plan *Plan) {
	var gone []string
	for i := range plan.Steps {
		s := &plan.Steps[i]
		if s.Ref.Kind == "Service" {
			p.expectService(s)
			gone = append(gone, s.Expect.Gone...)
		}
		if s.Ref.Kind != "DestinationRule" {
			continue
		}
		before, after := subsetsIn(s.Before), subsetsIn(s.After)
		for _, name := range after {
			if !slices.Contains(before, name) {
				s.Expect.Clusters = append(s.Expect.Clusters, p.clusters(name)...)
			}
		}
		for _, name := range before {
			if !slices.Contains(after, name) && !p.defines(plan.After, name) {
				s.Expect.Gone = append(s.Expect.Gone, p.clusters(name)...)
			}
		}
		gone = append(gone, s.Expect.Gone...)
		s.Expect.Policies = changedPolicies(policies(s.Before, s.Ref.Namespace, p.view.Ports), policies(s.After, s.Ref.Namespace, p.view.Ports))
	}
	for i := range plan.Steps {
		s := &plan.Steps[i]
		switch s.Ref.Kind {
		case "VirtualService":
			s.Expect.Unused = gone
			s.Expect.Routes = p.expectRoutes(s)
		case "HTTPRoute", "GRPCRoute", "TCPRoute":
			s.Expect.Unused = gone
			s.Expect.Routes = p.expectRouteObject(plan, s)
		}
	}
}

// defines reports whether a subset is there in a view.
func (p *planner) defines(v *View, name string) bool {
	return slices.ContainsFunc(v.Versions, func(o Version) bool { return o.Name == name && o.defined() })
}

// expectRoutes are the rules of a VirtualService as proxies will have them:
// those that clients in the mesh follow, for each port, and those of gateways.
func (p *planner) expectRoutes(s *Step) []ExpectRoute {
	u := s.After
	if u == nil {
		u = s.Before
	}
	spec, _ := u.Object["spec"].(map[string]any)
	gws := gatewaysOf(spec, u.GetNamespace())
	object := fmt.Sprintf("/apis/networking.istio.io/v1/namespaces/%s/virtual-service/%s", u.GetNamespace(), u.GetName())
	var all []ExpectRoute
	add := func(host string, port Port, scope string, tcp bool) {
		base := ExpectRoute{Host: host, Port: port.Number, Object: object, TCP: tcp}
		if s.After == nil {
			all = append(all, base)
			return
		}
		all = append(all, p.expectList(u, spec, base, scope)...)
	}
	if len(gws) == 0 || slices.Contains(gws, meshGateway) {
		for _, port := range p.view.Ports {
			if port.http() && spec["http"] != nil {
				add(p.view.Host, port, meshGateway, false)
			}
			if port.tcp() && port.Protocol != "auto" && spec["tcp"] != nil {
				add(p.view.Host, port, meshGateway, true)
			}
		}
	}
	for _, gw := range gws {
		if gw == meshGateway {
			continue
		}
		if spec["http"] != nil {
			for _, h := range hostsOf(spec, u.GetNamespace()) {
				add(h, Port{}, gw, false)
			}
		}
		if spec["tcp"] != nil {
			add("*", Port{}, gw, true)
		}
	}
	return all
}

func hostsOf(spec map[string]any, namespace string) []string {
	hosts, _ := spec["hosts"].([]any)
	var all []string
	for _, h := range hosts {
		if name, ok := h.(string); ok {
			all = append(all, resolve(name, namespace))
		}
	}
	return all
}

// expectList are the rules of one list, up to the one that takes everything:
// Istio sends none after it.
func (p *planner) expectList(u *unstructured.Unstructured, spec map[string]any, base ExpectRoute, scope string) []ExpectRoute {
	field := "http"
	if base.TCP {
		field = "tcp"
	}
	var all []ExpectRoute
	for i, raw := range itemsOf(spec, field) {
		e := base
		e.Rule = i
		e.Maybe = maybe(raw)
		if raw["route"] == nil {
			if e.Maybe || field == "tcp" {
				continue
			}
			break // what follows could not be told from it
		}
		e.Clusters = p.shares(raw, u.GetNamespace(), base.Port)
		if !base.TCP {
			e.Action = p.action(raw, u.GetNamespace(), base.Port)
		}
		if e.told() {
			all = append(all, e)
		}
		if field == "http" && !e.Maybe && (raw["match"] == nil || slices.ContainsFunc(understood(raw, scope, u.GetNamespace(), p.only()), func(m Match) bool { return implies(nil, m.Conditions) })) {
			break
		}
	}
	return all
}

// told reports whether every cluster of it is known by name.
func (e ExpectRoute) told() bool {
	_, unknown := e.Clusters[""]
	if !unknown && e.Action != nil {
		_, unknown = e.Action.Mirrors[""]
	}
	return !unknown
}

// maybe reports whether a rule is for some proxies or ports only.
func maybe(raw map[string]any) bool {
	return slices.ContainsFunc(itemsOf(raw, "match"), func(m map[string]any) bool {
		return m["sourceLabels"] != nil || m["sourceNamespace"] != nil || m["port"] != nil || m["gateways"] != nil
	})
}

// shares are a rule's clusters with what they get of its requests, in percent.
func (p *planner) shares(raw map[string]any, namespace string, listener int32) map[string]float64 {
	var to []Destination
	var names []string
	for _, e := range itemsOf(raw, "route") {
		d, _ := e["destination"].(map[string]any)
		to = append(to, Destination{Weight: whole(e["weight"])})
		names = append(names, p.clusterOf(d, namespace, listener))
	}
	share(to)
	got := map[string]float64{}
	for i, d := range to {
		if d.Share > 0 {
			got[names[i]] += d.Share
		}
	}
	return got
}

// clusterOf is the cluster that a destination stands for: at the port that it
// names, else at the listener's, which for a gateway (0) only counts where the
// host has several ports (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/route/route.go: GetDestinationCluster, and
// httproute.go, where sidecars know services by the listener's port alone).
// It is empty where it cannot be told.
func (p *planner) clusterOf(d map[string]any, namespace string, listener int32) string {
	host := resolve(text(d, "host"), namespace)
	named, _ := d["port"].(map[string]any)
	if n := whole(named["number"]); n != 0 {
		return clusterName(int32(n), text(d, "subset"), host)
	}
	if listener != 0 {
		return clusterName(listener, text(d, "subset"), host)
	}
	for _, svc := range p.snapshot.Services {
		if fqdn(svc.Namespace, svc.Name) == host && len(svc.Spec.Ports) == 1 {
			return clusterName(svc.Spec.Ports[0].Port, text(d, "subset"), host)
		}
	}
	return ""
}
