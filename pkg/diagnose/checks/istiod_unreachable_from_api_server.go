package checks

import (
	"fmt"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func istiodUnreachableFromAPIServer() diagnose.Check {
	return diagnose.Check{
		Name: "istiod-unreachable-from-api-server",
		Area: diagnose.APIServer,
		Doc: `The API server's calls to istiod time out

The webhooks' Service has ready endpoints, but the API server gets no answer from them: "context deadline exceeded" or "i/o timeout". Most often a firewall or security group between the control plane and the nodes does not let port 15017 through (private GKE clusters, EKS node groups with their own security group, on-premises networks). An istiod that hangs, or a connection that the API server keeps to an istiod of before, looks the same from here.

It is found from the events and conditions of workloads that lack pods. There is a second sign, which is only a warning: istiod switches its own validating webhook from failurePolicy Ignore to Fail as soon as the API server has passed it a test object. When istiod has filled in that webhook's caBundle and has been ready for a while, but the policy is still Ignore, the API server has probably never reached it.

To fix it, restart istiod, which ends hangs and old connections; if the timeouts stay, whoever runs the network must allow TCP port 15017 from the control plane to the nodes.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Services, mesh.EndpointSlices},
		Wants:    backendKinds(mesh.ValidatingWebhooks, mesh.Nodes),
		Explains: []string{"pod-creation-refused", "webhook-timeout-too-short"},
		Run:      runIstiodUnreachable,
	}
}

// canaryPatience is how long istiod may take to switch its validating webhook:
// it tries at least once a minute.
const canaryPatience = 5 * time.Minute

func runIstiodUnreachable(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		if b.service == nil || !b.healthy() {
			continue
		}
		refs := b.routed(p)
		f := diagnose.Finding{Object: b.ref(), Affects: refs, Covers: b.covers(), Fix: b.openTheWay(p.Snapshot)}
		said, _ := b.split(p.Snapshot, b.refused(p, all, causeTimeout))
		canary := b.canary(p.Snapshot)
		where := strings.Join(b.hosts, ", ")
		switch {
		case len(said) > 0:
			f.Severity = diagnose.Error
			f.Message = fmt.Sprintf("The API server's calls to %s (%s) time out though istiod is ready, so %s", b, where, b.consequence(p, refs))
			f.Evidence = []string{said[0].Workload.Ref.String() + ": " + said[0].Message, "last seen at " + clock(said[0].Last)}
		case canary != nil:
			f.Severity = diagnose.Warning
			f.Message = fmt.Sprintf("The API server has probably never reached istiod through %s (%s): istiod still holds its ValidatingWebhookConfiguration %s at failurePolicy Ignore, though it has been ready since %s",
				b, where, canary.Name, clock(b.readySince()))
			f.Field = "webhooks[0].failurePolicy"
		default:
			continue
		}
		if canary != nil {
			f.Evidence = append(f.Evidence, fmt.Sprintf("ValidatingWebhookConfiguration %s: caBundle is filled in, failurePolicy is Ignore", canary.Name))
		}
		f.Fix = append(f.Fix, b.bareAfter(p, refs)...)
		found = append(found, f)
	}
	return found
}

// canary is the validating webhook that istiod has taken over (it filled in
// the caBundle) but not yet switched to Fail, though it has been ready for
// long enough; nil when there is no such sign, or pods have been injected
// since (istio.io/istio 1.29.1, pkg/webhooks/validation/controller/controller.go).
func (b *backend) canary(s *mesh.Snapshot) *admissionv1.ValidatingWebhookConfiguration {
	since := b.readySince()
	if since.IsZero() || s.Time.Sub(since) < canaryPatience || b.injected.After(since) {
		return nil
	}
	for _, c := range s.ValidatingWebhooks {
		if !strings.HasPrefix(c.Name, "istio-validator") || mesh.RevisionOf(c.Labels) != b.revision {
			continue
		}
		for _, w := range c.Webhooks {
			svc := w.ClientConfig.Service
			if svc != nil && svc.Namespace == b.namespace && svc.Name == b.name && len(w.ClientConfig.CABundle) > 0 &&
				w.FailurePolicy != nil && *w.FailurePolicy == admissionv1.Ignore && s.Time.Sub(changed(c)) >= canaryPatience {
				return c
			}
		}
	}
	return nil
}

// openTheWay is what helps against timeouts, in the words of whoever runs the
// nodes.
func (b *backend) openTheWay(s *mesh.Snapshot) []diagnose.Step {
	say := "if the timeouts stay: allow TCP port 15017 from the API server to the nodes and pods, whoever runs the network"
	for _, n := range s.Nodes {
		provider, _, _ := strings.Cut(n.Spec.ProviderID, ":")
		switch provider {
		case "gce":
			say += "; on GKE add tcp:15017 to the firewall rule of the control plane: gcloud compute firewall-rules update gke-CLUSTER-HASH-master --allow tcp:10250,tcp:443,tcp:15017"
		case "aws":
			say += "; on EKS add an inbound rule for TCP 15017 from the cluster's security group to the security group of the nodes"
		case "azure":
			say += "; on AKS add TCP 15017 to the network security group of the nodes' subnet"
		default:
			continue
		}
		break
	}
	return append(b.restart("ends a hang of istiod and old connections to it"), diagnose.Step{Kind: diagnose.StepManual, Say: say})
}
