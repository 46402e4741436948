package checks

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// blockedBy are the policies that select istiod's pods for ingress when not
// one of them lets the API server in; none when one does, or none selects.
func (b *backend) blockedBy(s *mesh.Snapshot) []*networking.NetworkPolicy {
	var podLabels labels.Set
	var spec core.PodSpec
	switch {
	case b.deployment != nil:
		podLabels, spec = b.deployment.Spec.Template.Labels, b.deployment.Spec.Template.Spec
	case len(b.pods) > 0:
		podLabels, spec = b.pods[0].Labels, b.pods[0].Spec
	default:
		return nil
	}
	if spec.HostNetwork {
		return nil // policies do not apply to pods of the node's network
	}
	var blocking []*networking.NetworkPolicy
	callers := apiServerAddresses(s)
	for _, n := range s.NetworkPolicies {
		sel, err := metav1.LabelSelectorAsSelector(&n.Spec.PodSelector)
		if n.Namespace != b.namespace || err != nil || !sel.Matches(podLabels) || !forIngress(n) {
			continue
		}
		if slices.ContainsFunc(n.Spec.Ingress, func(r networking.NetworkPolicyIngressRule) bool {
			return b.allowsPort(r, spec) && allowsCaller(r, callers)
		}) {
			return nil
		}
		blocking = append(blocking, n)
	}
	slices.SortFunc(blocking, func(a, b *networking.NetworkPolicy) int { // those for istiod alone first
		return cmp.Or(cmp.Compare(breadth(a), breadth(b)), strings.Compare(a.Name, b.Name))
	})
	return blocking
}

// breadth is 1 of a policy for all pods of its namespace.
func breadth(n *networking.NetworkPolicy) int {
	if len(n.Spec.PodSelector.MatchLabels)+len(n.Spec.PodSelector.MatchExpressions) == 0 {
		return 1
	}
	return 0
}

func forIngress(n *networking.NetworkPolicy) bool {
	return len(n.Spec.PolicyTypes) == 0 || slices.Contains(n.Spec.PolicyTypes, networking.PolicyTypeIngress)
}

func (b *backend) allowsPort(r networking.NetworkPolicyIngressRule, spec core.PodSpec) bool {
	want := b.targetPort()
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p networking.NetworkPolicyPort) bool {
		switch {
		case p.Protocol != nil && *p.Protocol != core.ProtocolTCP:
			return false
		case p.Port == nil:
			return true
		case p.Port.Type == intstr.String:
			return portNamed(spec, p.Port.StrVal) == want
		case p.EndPort != nil:
			return p.Port.IntVal <= want && want <= *p.EndPort
		}
		return p.Port.IntVal == want
	})
}

func portNamed(spec core.PodSpec, name string) int32 {
	for _, c := range spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return p.ContainerPort
			}
		}
	}
	return 0
}

// allowsCaller reports whether a rule lets in a caller from outside the pods'
// network: it names no peers, or a block that holds an address of the API
// server. Where none of those is known any block will do.
func allowsCaller(r networking.NetworkPolicyIngressRule, callers []netip.Addr) bool {
	return len(r.From) == 0 || slices.ContainsFunc(r.From, func(p networking.NetworkPolicyPeer) bool {
		return p.IPBlock != nil && (len(callers) == 0 || slices.ContainsFunc(callers, func(a netip.Addr) bool { return inBlock(*p.IPBlock, a) }))
	})
}

func inBlock(block networking.IPBlock, a netip.Addr) bool {
	in := func(cidr string) bool {
		p, err := netip.ParsePrefix(cidr)
		return err == nil && p.Contains(a)
	}
	return in(block.CIDR) && !slices.ContainsFunc(block.Except, in)
}

// apiServerAddresses are the endpoints of Service default/kubernetes.
func apiServerAddresses(s *mesh.Snapshot) []netip.Addr {
	var all []netip.Addr
	for _, sl := range s.EndpointSlices {
		if sl.Namespace != "default" || sl.Labels[discovery.LabelServiceName] != "kubernetes" {
			continue
		}
		for _, e := range sl.Endpoints {
			for _, text := range e.Addresses {
				if a, err := netip.ParseAddr(text); err == nil {
					all = append(all, a)
				}
			}
		}
	}
	return all
}
