package route

import (
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// gatewayGroup begins the API versions of Gateway API.
const gatewayGroup = "gateway.networking.k8s.io/"

// routeKind is the kind of objects with rules that are called so in the
// planner's API.
func (p *planner) routeKind(name string) (kind mesh.Kind, ok bool) {
	kind, ok = map[API]map[string]mesh.Kind{
		Istio:   {"VirtualService": mesh.VirtualServices},
		Gateway: {"HTTPRoute": mesh.HTTPRoutes, "GRPCRoute": mesh.GRPCRoutes, "TCPRoute": mesh.TCPRoutes},
	}[p.api][name]
	return kind, ok
}

// list is the field of a spec in which rules of the service's protocol stand.
func (p *planner) list() string {
	if p.api == Gateway {
		return "rules"
	}
	return p.protocol()
}

// toField is the field of a rule that lists its destinations.
func (p *planner) toField() string {
	if p.api == Gateway {
		return "backendRefs"
	}
	return "route"
}

// whenField is the field of a rule that says for which requests it is.
func (p *planner) whenField() string {
	if p.api == Gateway {
		return "matches"
	}
	return "match"
}

// define makes a version that rules can name.
func (p *planner) define(name string, labels map[string]string) error {
	if p.api == Gateway {
		return p.addService(name, labels)
	}
	p.addSubset(name, labels)
	return nil
}

// destinationAt is the host, and the version of it, that an entry of a rule's
// destinations names. A version's own Service counts as the service.
func (p *planner) destinationAt(e map[string]any, namespace string) (host, version string) {
	if p.api == Gateway {
		host = backendAt(e, namespace)
		if version, ours := p.versionAt(host); ours {
			return p.view.Host, version
		}
		return host, ""
	}
	to, _ := e["destination"].(map[string]any)
	return resolve(text(to, "host"), namespace), text(to, "subset")
}

// weightOf is the weight of an entry: without one 0 for Istio, and 1 for
// Gateway API.
func (p *planner) weightOf(e map[string]any) int64 {
	if p.api == Gateway && e["weight"] == nil {
		return 1
	}
	return whole(e["weight"])
}

// ours reports whether a destination is the service, or a version of it.
func (p *planner) ours(d Destination) bool {
	if p.api != Gateway {
		return d.Host == p.view.Host
	}
	_, ours := p.versionAt(d.Host)
	return ours
}

// matchOf writes conditions as an alternative of a rule for the target.
func (p *planner) matchOf(t target, conditions []Condition) map[string]any {
	switch {
	case p.api != Gateway:
		return matchOf(conditions)
	case t.grpc():
		return grpcMatchOf(conditions)
	}
	return httpMatchOf(conditions)
}

// orEvery is the alternatives of a rule, with one that takes everything where
// there are none.
func orEvery(all []Match) []Match {
	if len(all) == 0 {
		return []Match{{}}
	}
	return all
}

// versionAt is the version that a host stands for under Gateway API; empty for
// the service itself. ours is false for other hosts.
func (p *planner) versionAt(host string) (version string, ours bool) {
	if host == p.view.Host {
		return "", true
	}
	for _, v := range p.view.Versions {
		if v.From.Kind == "Service" && fqdn(v.From.Namespace, v.From.Name) == host && carries(v.Labels, p.selector()) {
			return v.Name, true
		}
	}
	ns, name, ok := serviceOf(host)
	version, prefixed := strings.CutPrefix(name, p.view.Service.Name+"-")
	return version, ok && prefixed && ns == p.view.Service.Namespace
}

// serviceFor is the name of the Service that stands for a version.
func (p *planner) serviceFor(version string) string {
	at := slices.IndexFunc(p.view.Versions, func(v Version) bool { return v.Name == version && v.From.Kind == "Service" })
	if at >= 0 {
		return p.view.Versions[at].From.Name
	}
	return p.view.Service.Name + "-" + version
}
