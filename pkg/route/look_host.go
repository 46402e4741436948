package route

import (
	"net/netip"
	"strings"

	core "k8s.io/api/core/v1"

	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/kube"
	"istio.io/istio/pkg/config/protocol"
)

// domain is the mesh's; short names are completed with it.
const domain = "cluster.local"

// fqdn is the host that a service is called by.
func fqdn(namespace, service string) string { return service + "." + namespace + ".svc." + domain }

// serviceOf is the service that a host stands for, as far as its name tells.
func serviceOf(hostname string) (namespace, name string, ok bool) {
	short, ok := strings.CutSuffix(hostname, ".svc."+domain)
	if !ok {
		return "", "", false
	}
	name, namespace, ok = strings.Cut(short, ".")
	return namespace, name, ok && !strings.Contains(namespace, ".")
}

// resolve completes a host as an object of this namespace means it: a name
// without a dot gets the object's namespace, every other is taken as it is
// (istio.io/istio 1.29.1, pilot/pkg/model/config.go: ResolveShortnameToFQDN).
func resolve(hostname, namespace string) string {
	if hostname == "" || hostname == "*" || strings.Contains(hostname, ".") {
		return hostname
	}
	if _, err := netip.ParseAddr(hostname); err == nil {
		return hostname
	}
	return fqdn(namespace, hostname)
}

// resolveGateway completes the name of a gateway: NAMESPACE/NAME, or "mesh"
// (pilot/pkg/model/config.go: resolveGatewayName).
func resolveGateway(name, namespace string) string {
	if name == meshGateway {
		return name
	}
	before, after, slash := strings.Cut(name, "/")
	if slash {
		if before == "." {
			return namespace + "/" + after
		}
		return name
	}
	short, rest, dot := strings.Cut(name, ".")
	if !dot {
		return namespace + "/" + name
	}
	ns, _, _ := strings.Cut(rest, ".")
	return ns + "/" + short
}

// meshGateway stands for the sidecars in a VirtualService's gateways.
const meshGateway = "mesh"

// covers reports whether a host of an object, which may begin with *, holds a
// service's.
func covers(pattern, hostname string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if !wild {
		return strings.EqualFold(pattern, hostname)
	}
	return strings.HasSuffix(hostname, suffix)
}

// wildcard reports whether a host begins with *.
func wildcard(hostname string) bool { return strings.HasPrefix(hostname, "*") }

// moreSpecific reports whether of two wildcards the first is the narrower.
func moreSpecific(a, b string) bool { return host.MoreSpecific(host.Name(a), host.Name(b)) }

// ports are a service's ports with their protocol as Istio takes it: of
// appProtocol, else of the name's prefix, else sniffed
// (pkg/config/kube/conversion.go: ConvertProtocol).
func ports(svc *core.Service) []Port {
	all := make([]Port, 0, len(svc.Spec.Ports))
	for _, p := range svc.Spec.Ports {
		port := Port{Name: p.Name, Number: p.Port, Protocol: "auto"}
		if got := kube.ConvertProtocol(p.Port, p.Name, p.Protocol, p.AppProtocol); got != protocol.Unsupported {
			port.Protocol = strings.ToLower(string(got))
		}
		all = append(all, port)
	}
	return all
}

// http reports whether http rules hold for a port of this protocol.
func (p Port) http() bool {
	switch p.Protocol {
	case "http", "http2", "grpc", "grpc-web", "auto":
		return true
	}
	return false
}

// tls reports whether tls rules hold for it.
func (p Port) tls() bool { return p.Protocol == "https" || p.Protocol == "tls" }

// tcp reports whether tcp rules hold for it.
func (p Port) tcp() bool {
	switch p.Protocol {
	case "http", "http2", "grpc", "grpc-web", "https", "tls", "udp":
		return false
	}
	return true
}
