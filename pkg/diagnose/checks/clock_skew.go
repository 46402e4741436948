package checks

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// clockTolerance is how far two clocks may be apart before it is said.
const clockTolerance = 2 * time.Minute

func clockSkew() diagnose.Check {
	return diagnose.Check{
		Name: "clock-skew",
		Area: diagnose.APIServer,
		Doc: `Clocks of the cluster are apart, so certificates are not valid yet or any more

Certificates are valid between two times. When the clock of the API server, of istiod's node or of another node is wrong, a certificate that was just issued is "not yet valid" for others, or ends too soon: webhook calls fail with an x509 error, and proxies get no connection to istiod.

It is found where it is certain: a node that says it was alive later than the API server's clock (the Date of its answers), a container that started before its pod was created, and a caBundle whose certificate begins later than the API server's clock. Differences under two minutes are not said. It is an error where calls to istiod fail for that reason, else a warning.

To fix it, see that time is synchronised (NTP, chrony) on the named machines, then restart istiod; whoever runs them can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.ServerVersion, mesh.Nodes, mesh.Pods},
		Wants:    backendKinds(mesh.MutatingWebhooks, mesh.Namespaces, mesh.EndpointSlices),
		Explains: []string{"ca-bundle-expired", "pod-creation-refused"},
		Run:      runClockSkew,
	}
}

func runClockSkew(p *diagnose.Pass) []diagnose.Finding {
	if !hasIstio(p) {
		return nil
	}
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		if f, ok := notYetValid(p, b); ok {
			found = append(found, f)
		}
	}
	for _, n := range p.Snapshot.Nodes {
		skew, evidence := nodeSkew(p.Snapshot, n)
		if skew == 0 {
			continue
		}
		f := diagnose.Finding{
			Severity: diagnose.Warning,
			Object:   mesh.RefTo(mesh.Nodes, "", n.Name),
			Message:  fmt.Sprintf("The clock of node %s is at least %s %s that of the API server", n.Name, skew.Abs().Round(time.Second), ahead(skew)),
			Evidence: []string{evidence},
			Fix: []diagnose.Step{{Kind: diagnose.StepManual,
				Say: fmt.Sprintf("set the clock of node %s right and keep it so (chronyc makestep, timedatectl set-ntp true), whoever runs the nodes", n.Name)}},
		}
		for _, b := range backends(p.Snapshot) {
			said, _ := b.split(p.Snapshot, b.refused(p, all, causeExpired))
			if len(said) == 0 || !b.runsOn(n.Name) {
				continue
			}
			f.Severity = diagnose.Error
			f.Affects = append(f.Affects, b.routed(p)...)
			f.Message += ", and istiod on it issues certificates that are refused"
			f.Evidence = append(f.Evidence, said[0].Workload.Ref.String()+": "+said[0].Message)
			f.Fix = append(f.Fix, b.restart("makes istiod issue its certificate anew")...)
		}
		found = append(found, f)
	}
	return found
}

func (b *backend) runsOn(node string) bool {
	return slices.ContainsFunc(b.pods, func(p *core.Pod) bool { return p.Spec.NodeName == node })
}

func ahead(skew time.Duration) string {
	if skew > 0 {
		return "ahead of"
	}
	return "behind"
}

// nodeSkew is how far a node's clock is from the API server's at the least,
// positive when it is ahead; 0 when that is not certain. The node's own clock
// stands in its heartbeats and in the start of its containers, the API
// server's in the creation of pods and in its answers.
func nodeSkew(s *mesh.Snapshot, n *core.Node) (time.Duration, string) {
	server := s.Facts.ServerTime
	for _, c := range n.Status.Conditions {
		if beat := c.LastHeartbeatTime.Time; c.Type == core.NodeReady && !server.IsZero() && c.Status == core.ConditionTrue && beat.Sub(server) > clockTolerance {
			return beat.Sub(server), fmt.Sprintf("Node %s: condition Ready: lastHeartbeatTime is %s, the API server's clock says %s", n.Name, clock(beat), clock(server))
		}
	}
	var worst time.Duration
	var evidence string
	for _, p := range s.Pods {
		if p.Spec.NodeName != n.Name || p.Annotations[core.MirrorPodAnnotationKey] != "" {
			continue
		}
		for c := range statuses(p) {
			if r := c.State.Running; r != nil && !r.StartedAt.IsZero() && p.CreationTimestamp.Sub(r.StartedAt.Time) > max(clockTolerance, -worst) {
				worst = r.StartedAt.Sub(p.CreationTimestamp.Time)
				evidence = fmt.Sprintf("Pod %s/%s: its container %s started at %s by the node's clock, the pod was created at %s by the API server's", p.Namespace, p.Name, c.Name, clock(r.StartedAt.Time), clock(p.CreationTimestamp.Time))
			}
		}
	}
	return worst, evidence
}

// notYetValid finds a caBundle that begins in the API server's future.
func notYetValid(p *diagnose.Pass, b *backend) (diagnose.Finding, bool) {
	server := p.Snapshot.Facts.ServerTime
	if server.IsZero() {
		return diagnose.Finding{}, false
	}
	for _, c := range p.Snapshot.MutatingWebhooks {
		for i, w := range c.Webhooks {
			begin := notBefore(w.ClientConfig.CABundle)
			if !b.webhooks[webhookKey(c.Name, i)] || begin.Sub(server) <= clockTolerance {
				continue
			}
			refs := b.routed(p)
			return diagnose.Finding{
				Object: mesh.RefTo(mesh.MutatingWebhooks, "", c.Name), Field: fmt.Sprintf("webhooks[%d].clientConfig.caBundle", i),
				Message: fmt.Sprintf("The certificate of istiod's CA is not valid yet by the API server's clock: it begins at %s, and it is %s there, so %s",
					clock(begin), clock(server), b.consequence(p, refs)),
				Evidence: []string{fmt.Sprintf("webhooks[%d].clientConfig.caBundle: notBefore %s; the API server's clock: %s", i, clock(begin), clock(server))},
				Affects:  refs, Covers: b.covers(),
				Fix: append([]diagnose.Step{{Kind: diagnose.StepManual,
					Say: "set the clocks of the API server's hosts and of the nodes that run istiod right (chronyc makestep, timedatectl set-ntp true), whoever runs them"}}, b.restart("")...),
			}, true
		}
	}
	return diagnose.Finding{}, false
}

// notBefore is when the first certificate of a bundle begins; zero when none
// can be read.
func notBefore(bundle []byte) time.Time {
	var earliest time.Time
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if !strings.Contains(block.Type, "CERTIFICATE") {
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && (earliest.IsZero() || cert.NotBefore.Before(earliest)) {
			earliest = cert.NotBefore
		}
	}
	return earliest
}
