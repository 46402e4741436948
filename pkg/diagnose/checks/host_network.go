package checks

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// hostNetwork tells of workloads on their nodes' network.
func hostNetwork() diagnose.Check {
	return diagnose.Check{
		Name:     hostNetworkName,
		Area:     diagnose.Labels,
		Severity: diagnose.Info,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"injection-decided"},
		Doc: `A workload uses its node's network, where istiod never injects

With hostNetwork: true a pod shares the network of its node. The rules that send
a pod's traffic through its sidecar would catch the whole node's traffic, so
istiod leaves such pods alone, whatever labels say (istio.io/istio 1.29.1,
pkg/kube/inject/inject.go: injectRequired). For node agents and network plugins
that is as it should be, and for your information.

Found in pod templates of namespaces that ask for sidecars; for workloads that you
named, in any case. If the workload need not be on the node's network, take
hostNetwork off its template; its owner can. Namespace labels change nothing.
`,
		Run: runHostNetwork,
	}
}

func runHostNetwork(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range absentFrom(p, hostNetworkName) {
		d, _ := p.DecideWorkload(w)
		if d.By == nil && !p.Scope.Named {
			continue
		}
		found = append(found, diagnose.Finding{
			Message:  w.Ref.String() + " uses its node's network (hostNetwork: true), where istiod never injects, whatever labels say",
			Object:   w.Ref,
			Field:    templateSpec(w) + "hostNetwork",
			Evidence: []string{"hostNetwork: true"},
			Affects:  []mesh.Ref{w.Ref},
			Fix: []diagnose.Step{{
				Kind: diagnose.StepManual,
				Say:  "nothing, if it needs the node's network; else its owner takes hostNetwork off its pod template",
			}},
		})
	}
	return found
}

// templateSpec is the path to the spec of what a workload's pods are made of.
func templateSpec(w *mesh.Workload) string {
	switch w.Ref.Kind {
	case "Pod":
		return "spec."
	case "CronJob":
		return "spec.jobTemplate.spec.template.spec."
	}
	return "spec.template.spec."
}
