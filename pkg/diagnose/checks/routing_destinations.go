package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func subsetMissing() diagnose.Check {
	return routing("subset-missing", diagnose.Error, `A rule sends requests to a subset that no DestinationRule has

Requests for it fail with 503 and the response flag NC: the proxy has no cluster
of that name. It comes of a subset that was removed or renamed before the rule,
of a DestinationRule that is not exported to its clients, or of one in a client's
namespace that hides it.

Found by looking each rule's subsets up in the DestinationRule that its clients
see: that of their namespace, else of the service's, else of the root namespace
(istio.io/istio 1.29.1, pilot/pkg/model/push_context.go: destinationRule). The
fix adds the subset where ready pods carry its name, else sends the requests
elsewhere.
`, "IST0101")
}

func serviceMissing() diagnose.Check {
	return routing("service-missing", diagnose.Error, `A rule sends requests to a service that is not there

Requests for it fail with 503 (of VirtualServices) or 500 (of the routes of
Gateway API). It comes of a Service that was deleted or renamed before the rule,
or of a short host name, which means the namespace of the object that it stands
in.

Found by looking for the Service, or the ServiceEntry, of each destination in the
cluster's own domain, of rules for the mesh and of gateways' rules. The fix sends
the requests to a version that is ready, where there is one, and names Services
that are called alike.
`, "IST0101")
}

func subsetWithoutEndpoints() diagnose.Check {
	return routing("subset-without-endpoints", diagnose.Error, `A rule sends requests to a version that has no ready endpoint

Requests for it fail with 503 and the response flag UH. It comes of pods that are
not ready, were scaled down, or do not carry the labels of the subset.

Found by counting the ready addresses in the service's EndpointSlices whose pods
carry the subset's labels. The fix sends the requests to a version that is ready;
bringing the pods up does as well.
`, "IST0173")
}

func weightsSumZero() diagnose.Check {
	return routing("weights-sum-zero", diagnose.Error, `The weights of a rule sum up to zero

No destination of the rule gets anything: Gateway API answers with 500, and
Istio's webhook refuses such a VirtualService, so that it can only have come past
the webhook.

Found by adding the weights of rules with several destinations. The fix gives all
of them the same.
`)
}
