package checks

import (
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func apiServerNoRouteToPods() diagnose.Check {
	return diagnose.Check{
		Name: "api-server-no-route-to-pods",
		Area: diagnose.APIServer,
		Doc: `The API server has no route to istiod's address

The API server runs outside the pods' network: on EKS with an overlay network (Calico, Cilium, Weave) it cannot reach pod addresses at all and says "Address is not allowed"; elsewhere a node's own firewall answers "no route to host". Every call to the injection webhooks fails, and pods are refused; with failurePolicy Ignore they start without a sidecar.

It is found from the API server's words in events and conditions of workloads that lack pods.

To fix it, let istiod use the network of its node (hostNetwork), use a network plugin with addresses that the control plane can reach (the VPC CNI on EKS), or open the node's firewall; whoever runs the cluster can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Services, mesh.EndpointSlices},
		Wants:    backendKinds(),
		Explains: []string{"pod-creation-refused", "istiod-unreachable-from-api-server"},
		Run:      runAPIServerNoRouteToPods,
	}
}

func runAPIServerNoRouteToPods(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		said, _ := b.split(p.Snapshot, b.refused(p, all, causeNoRoute))
		if len(said) == 0 {
			continue
		}
		refs := b.routed(p)
		where := strings.Join(b.hosts, ", ")
		f := diagnose.Finding{
			Severity: b.severity(p, refs),
			Object:   b.ref(),
			Message:  fmt.Sprintf("The API server has no route to istiod%s behind %s, so %s", after(" at ", where), b, b.consequence(p, refs)),
			Evidence: []string{said[0].Workload.Ref.String() + ": " + said[0].Message, "last seen at " + clock(said[0].Last)},
			Affects:  refs,
			Covers:   b.covers(),
		}
		if strings.Contains(said[0].Message, "Address is not allowed") && b.deployment != nil {
			f.Fix = []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(b.namespace, "patch", "deployment", b.deployment.Name, "-p",
				`{"spec":{"template":{"spec":{"hostNetwork":true,"dnsPolicy":"ClusterFirstWithHostNet"}}}}`),
				Say: "puts istiod on its node's network, which the control plane reaches if the nodes let TCP 15017 in; a network plugin with routable pod addresses makes it unnecessary"}}
		} else {
			f.Fix = []diagnose.Step{{Kind: diagnose.StepManual,
				Say: "let TCP port 15017 through the firewall of the nodes that run istiod (firewalld: firewall-cmd --permanent --add-port=15017/tcp && firewall-cmd --reload) and see that the API server's hosts have routes to the pod addresses, whoever runs the nodes"}}
		}
		found = append(found, f)
	}
	return found
}
