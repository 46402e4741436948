package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func virtualServiceHostConflict() diagnose.Check {
	return routing("virtualservice-host-conflict", diagnose.Warning, `Several VirtualServices are for one host, and one has no effect

Of VirtualServices for the mesh Istio follows the oldest for a host, whole, and
passes over the others: their rules are not merged, as those of a gateway are.

Found by the hosts of VirtualServices and, for each namespace that clients may be
in, which one wins (istio.io/istio 1.29.1, pilot/pkg/model/virtualservice.go:
SelectVirtualServices). The fix puts the rules into one.
`, "IST0109")
}

func routeAPIsConflict() diagnose.Check {
	return routing("route-apis-conflict", diagnose.Warning, `Two APIs, or two routes, compete for one service

A VirtualService and a route of Gateway API for one service are not merged. Which
one clients follow depends on their namespace: in that of the route it is the
route, elsewhere the older object.

Found by looking for both, and for who wins. The fix keeps the rules in one.
`)
}

func destinationRuleHidden() diagnose.Check {
	return routing("destination-rule-hidden", diagnose.Warning, `A DestinationRule hides another one, or a part of it

Clients use one DestinationRule for a host: that of their own namespace, else of
the service's, else of the root namespace. Subsets of the others are not there
for them, and rules that name one fail with 503 (NC). Within a namespace, the
first of two policies or equally named subsets counts.

Found by which DestinationRule the clients in each namespace see, and by what the
others have beside it. The fix keeps all subsets of a host in one.
`)
}

func delegateWithoutEffect() diagnose.Check {
	return routing("delegate-without-effect", diagnose.Warning, `A VirtualService delegates to one that has no effect

The delegate is not there, is not exported to the one that names it, has hosts of
its own, or has rules that contradict the delegating rule: Istio leaves them out.

Found by following delegates as Istio does (istio.io/istio 1.29.1,
pilot/pkg/model/virtualservice.go: mergeVirtualServicesIfNeeded).
`)
}

func rulesWithoutEffect() diagnose.Check {
	return routing("rules-without-effect", diagnose.Warning, `No rule of an object fits the service that it is for

Rules for HTTP have no effect on a port that Istio takes for TCP, and the other
way round; rules for certain ports or clients have none on others. The service is
then balanced over all endpoints as if there were no rules.

Found by what is left of an object's rules for the protocols of the service's
ports. The fix writes the rules for the port's protocol, or gives the port a name
or appProtocol that says what it carries.
`)
}

func hostNotResolved() diagnose.Check {
	return routing("host-not-resolved", diagnose.Warning, `A host is written so that Istio does not find the service

A name with a dot, such as reviews.shop, is taken as it is: it does not mean
reviews.shop.svc.cluster.local. One without a dot means a service in the namespace
of the object that it stands in. Either way the object has no effect on the service
that was meant.

Found by hosts of VirtualServices and DestinationRules that are a service's name
and namespace, and no more, and by those in the cluster's own domain that no
Service and no ServiceEntry has. The fix writes the whole name.
`)
}

func gatewayMissing() diagnose.Check {
	return routing("gateway-missing", diagnose.Warning, `A VirtualService names a Gateway that is not there

Its rules are then for nobody: nothing comes in by that gateway. A name without a
namespace means the namespace of the VirtualService.

Found by looking for each Gateway that a VirtualService names.
`, "IST0101")
}

func ambientWithoutWaypoint() diagnose.Check {
	return routing("ambient-without-waypoint", diagnose.Warning, `Rules are for a service in ambient mode that has no waypoint

ztunnel reads no rules for HTTP: without a waypoint, VirtualServices and
HTTPRoutes of such a service have no effect, and nothing says so.

Found by the namespace's label istio.io/dataplane-mode=ambient, no label
istio.io/use-waypoint on the service or its namespace, and no pod with a sidecar
there. The fix makes a waypoint for the namespace.
`)
}
