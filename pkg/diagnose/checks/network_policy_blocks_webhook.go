package checks

import (
	"fmt"
	"slices"
	"time"

	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func networkPolicyBlocksWebhook() diagnose.Check {
	return diagnose.Check{
		Name: "network-policy-blocks-webhook",
		Area: diagnose.ControlPlane,
		Doc: `A NetworkPolicy does not let the API server's calls in to istiod

A NetworkPolicy that selects istiod's pods lets in only what some policy allows. The API server calls istiod's webhook port (15017) from outside the pods' network, so only a rule without "from", or one with an ipBlock that holds the API server's address, lets it in for sure; podSelector and namespaceSelector match pods. Calls then time out and pods are refused; with failurePolicy Ignore they start without a sidecar.

It is found from the policies of istiod's namespace. While calls do time out it is an error; else it is a warning, since not every network plugin enforces policies, and it is silent once pods have been injected under the policies as they are.

To fix it, allow TCP 15017 from anywhere, as the policy of Istio's own chart does (values global.networkPolicy.enabled); whoever may change policies in istiod's namespace can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.NetworkPolicies, mesh.Services},
		Wants:    backendKinds(mesh.EndpointSlices),
		Explains: []string{"istiod-unreachable-from-api-server", "pod-creation-refused", "webhook-timeout-too-short"},
		Run:      runNetworkPolicyBlocksWebhook,
	}
}

func runNetworkPolicyBlocksWebhook(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		blocking := b.blockedBy(p.Snapshot)
		said, _ := b.split(p.Snapshot, b.refused(p, all, causeTimeout))
		if len(blocking) == 0 || len(said) == 0 && b.injected.After(lastChange(blocking)) {
			continue
		}
		f := b.blocked(p, blocking, said)
		same := slices.IndexFunc(found, func(o diagnose.Finding) bool { return o.Object == f.Object })
		if same < 0 {
			found = append(found, f)
			continue
		}
		if found[same].Severity == diagnose.Warning && f.Severity == diagnose.Error {
			found[same], f = f, found[same]
		}
		found[same].Affects = append(found[same].Affects, f.Affects...)
		found[same].Covers = append(found[same].Covers, f.Covers...)
		if !slices.Contains(found[same].Fix, f.Fix[0]) {
			found[same].Fix = append(found[same].Fix, f.Fix...)
		}
	}
	return found
}

// blocked is the finding for one backend.
func (b *backend) blocked(p *diagnose.Pass, blocking []*networking.NetworkPolicy, said []refusal) diagnose.Finding {
	n, port := blocking[0], b.targetPort()
	refs := b.routed(p)
	f := diagnose.Finding{
		Severity: diagnose.Warning,
		Object:   mesh.RefTo(mesh.NetworkPolicies, n.Namespace, n.Name),
		Field:    "spec.ingress",
		Message: fmt.Sprintf("NetworkPolicy %s/%s selects istiod and does not let the API server in on its webhook port %d: where the network plugin enforces it, %s",
			n.Namespace, n.Name, port, b.consequence(p, refs)),
		Affects: refs,
		Covers:  append(b.covers(), policyRefs(blocking[1:])...),
		Fix:     []diagnose.Step{b.letIn(n)},
	}
	for _, n := range blocking {
		f.Evidence = append(f.Evidence, fmt.Sprintf("NetworkPolicy %s/%s: podSelector %s, %s, none of which lets the API server in on TCP %d",
			n.Namespace, n.Name, metav1.FormatLabelSelector(&n.Spec.PodSelector), count(len(n.Spec.Ingress), "ingress rule"), port))
	}
	if len(said) > 0 {
		f.Severity = diagnose.Error
		f.Message = fmt.Sprintf("NetworkPolicy %s/%s keeps the API server from istiod's webhook port %d, and calls time out: %s", n.Namespace, n.Name, port, b.consequence(p, refs))
		f.Evidence = append(f.Evidence, said[0].Workload.Ref.String()+": "+said[0].Message)
	}
	return f
}

// lastChange is when the last of some policies was written.
func lastChange(policies []*networking.NetworkPolicy) time.Time {
	var last time.Time
	for _, n := range policies {
		if changed(n).After(last) {
			last = changed(n)
		}
	}
	return last
}

func policyRefs(policies []*networking.NetworkPolicy) []mesh.Ref {
	var refs []mesh.Ref
	for _, n := range policies {
		refs = append(refs, mesh.RefTo(mesh.NetworkPolicies, n.Namespace, n.Name))
	}
	return refs
}

// letIn lets the API server in as the chart's policy does: by a rule in the
// policy that is for istiod alone, or by a policy beside one for all pods.
func (b *backend) letIn(n *networking.NetworkPolicy) diagnose.Step {
	rule := fmt.Sprintf(`{"ports":[{"protocol":"TCP","port":%d}]}`, b.targetPort())
	step := diagnose.Step{Kind: diagnose.StepOther, Say: fmt.Sprintf("lets TCP %d in from anywhere, as the policy of Istio's own chart does", b.targetPort())}
	if b.deployment != nil && len(n.Spec.Ingress) == 0 { // it keeps the proxies from istiod too
		xds := containerPort(b.deployment, "tls-xds", 15012)
		rule = fmt.Sprintf(`{"ports":[{"protocol":"TCP","port":%d},{"protocol":"TCP","port":%d}]}`, b.targetPort(), xds)
		step.Say = fmt.Sprintf("lets TCP %d (the API server's calls) and %d (the proxies) in from anywhere, as the policy of Istio's own chart does", b.targetPort(), xds)
	}
	if b.deployment != nil && breadth(n) == 1 {
		step.Run = command("echo", fmt.Sprintf(`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":%s},"spec":{"podSelector":{"matchLabels":%s},"policyTypes":["Ingress"],"ingress":[%s]}}`,
			asJSON(b.deployment.Name+"-webhook"), asJSON(b.deployment.Spec.Selector.MatchLabels), rule)) + " | " + kubectl(n.Namespace, "apply", "-f", "-")
		return step
	}
	path, value := "/spec/ingress/-", rule
	if len(n.Spec.Ingress) == 0 {
		path, value = "/spec/ingress", "["+rule+"]"
	}
	step.Run = kubectl(n.Namespace, "patch", "networkpolicy", n.Name, "--type=json", "-p", fmt.Sprintf(`[{"op":"add","path":"%s","value":%s}]`, path, value))
	return step
}

// targetPort is the port of istiod's pods that the webhooks' calls reach.
func (b *backend) targetPort() int32 {
	if port := b.port(); port != nil && port.TargetPort.Type == intstr.Int && port.TargetPort.IntVal != 0 {
		return port.TargetPort.IntVal
	}
	if b.deployment != nil {
		if n, ok := webhookPort(b.deployment.Spec.Template.Spec); ok {
			return n
		}
	}
	return 15017
}
