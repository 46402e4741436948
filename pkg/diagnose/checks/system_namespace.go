package checks

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// systemNamespace tells of workloads where istiod never injects.
func systemNamespace() diagnose.Check {
	return diagnose.Check{
		Name:     systemNamespaceName,
		Area:     diagnose.Labels,
		Severity: diagnose.Warning,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Doc: `Sidecars are asked for in a namespace where istiod never injects

istiod leaves pods in kube-system, kube-public, kube-node-lease and
local-path-storage alone, whatever labels, annotations or its own settings say
(istio.io/istio 1.29.1, pkg/kube/inject/initializer.go: IgnoredNamespaces).

It is a warning where a label there asks for sidecars all the same, and for your
information for workloads that you named. Nothing is said of these namespaces
otherwise.

Found by the namespace's name, its labels and those of pod templates. A label on
the namespace does nothing but send every new pod past istiod: the fix takes it
off. A workload that is to be in the mesh must live in another namespace; its
owner can move it.
`,
		Run: runSystemNamespace,
	}
}

func runSystemNamespace(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, g := range grouped(absentFrom(p, systemNamespaceName)) {
		asking := edit{labels: map[string]string{}}
		var evidence []string
		for _, key := range []string{mesh.InjectionLabel, mesh.RevisionLabel} {
			if v, ok := g.namespace.Labels[key]; ok && wishOf(v) != wantsOut {
				asking.labels[key] = drop
				evidence = append(evidence, "namespace label "+pair(key, v))
			}
		}
		labelled := len(evidence) > 0
		var asked []*mesh.Workload
		for _, w := range g.workloads {
			if labelled || p.Scope.Named || w.Template.Labels[mesh.InjectLabel] == "true" || w.Template.Labels[mesh.RevisionLabel] != "" {
				asked = append(asked, w)
			}
		}
		if len(asked) == 0 {
			continue
		}
		g.workloads = asked
		f := diagnose.Finding{
			Severity: diagnose.Warning,
			Message:  "In namespace " + g.namespace.Name + " istiod never injects, whatever labels say, " + g.consequence(),
			Object:   g.ref(),
			Field:    "metadata.name",
			Evidence: evidence,
			Affects:  g.refs(),
			Fix:      asking.namespaceSteps(g.namespace),
		}
		if !labelled {
			f.Severity = diagnose.Info
			if own := askedBy(asked[0]); own != asked[0].Ref.String() {
				f.Severity = diagnose.Warning
				f.Evidence = append(f.Evidence, own)
			}
		}
		f.Fix = append(f.Fix, diagnose.Step{
			Kind: diagnose.StepManual,
			Say:  "what is to be in the mesh must live in another namespace: its owner can move it",
		})
		found = append(found, f)
	}
	return found
}
