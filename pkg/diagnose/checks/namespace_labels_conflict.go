package checks

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// namespaceLabelsConflictCheck reports namespaces with both injection labels
// where the one undoes the other.
func namespaceLabelsConflictCheck() diagnose.Check {
	return diagnose.Check{
		Name:     namespaceLabelsConflict,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"no-default-revision", "revision-changed", "image-auto-not-injected", "injection-decided"},
		Aliases:  []string{"IST0123"},
		Doc: `A namespace has both injection labels, and they say different things

istio-injection and istio.io/rev exclude each other: the webhooks of a revision
take only namespaces without istio-injection. With enabled, the default revision
injects and istio.io/rev means nothing; where no revision is the default, nobody
injects. With any other value, nobody injects either.

It is an error where pods get no sidecar for it, and a warning where they get
one of another revision than istio.io/rev says, or where istio-injection is
disabled, so that nobody knows which of the two was meant. Where both labels
lead to the same revision nothing is reported.

Found by deciding for a plain pod of the namespace twice, with its labels and
without istio-injection. The fix takes away the label that stands in the way and
replaces the running pods. Whoever may label the namespace can do it.
`,
		Run: runNamespaceLabelsConflict,
	}
}

func runNamespaceLabelsConflict(p *diagnose.Pass) []diagnose.Finding {
	bare := map[string][]*mesh.Workload{}
	for _, w := range absentFrom(p, namespaceLabelsConflict) {
		bare[w.Ref.Namespace] = append(bare[w.Ref.Namespace], w)
	}
	var found []diagnose.Finding
	for _, ns := range p.Snapshot.Namespaces {
		injection, hasInjection := ns.Labels[mesh.InjectionLabel]
		revision, hasRevision := ns.Labels[mesh.RevisionLabel]
		if !hasInjection || !hasRevision || !p.Scope.Has(ns.Name) ||
			ns.Labels[mesh.AmbientLabel] == "ambient" || slices.Contains(systemNamespaces(), ns.Name) {
			continue
		}
		away := edit{labels: map[string]string{mesh.InjectionLabel: drop}}
		now, alone := outcome(p, ns), outcome(p, away.namespace(ns))
		if now == alone {
			continue
		}
		g := group{namespace: ns, workloads: bare[ns.Name]}
		f := diagnose.Finding{
			Severity: diagnose.Warning,
			Object:   g.ref(),
			Field:    "metadata.labels",
			Evidence: []string{"label " + pair(mesh.InjectionLabel, injection), "label " + pair(mesh.RevisionLabel, revision)},
		}
		labels := fmt.Sprintf("Namespace %s is labelled %s and %s", ns.Name, pair(mesh.InjectionLabel, injection), pair(mesh.RevisionLabel, revision))
		switch {
		case now == "":
			f.Message = labels + ": with " + mesh.InjectionLabel + " there, revision " + revision + " leaves the namespace alone, " + g.consequence()
			f.Fix = g.fix(p, away, true)
			if wishOf(injection) == wantsOut {
				f.Fix[0].Say = "if it is to stay out of the mesh, take the other label away instead: " + mesh.RevisionLabel + "-"
			}
			if wishOf(injection) != wantsOut && len(g.workloads) > 0 || p.Scope.Named {
				f.Severity = diagnose.Error
			}
		case alone == "":
			g.workloads = injectedIn(p, ns.Name)
			f.Message = labels + ": " + mesh.InjectionLabel + " wins, so that revision " + now + " injects, and no webhook serves " + revision
			f.Fix = edit{labels: map[string]string{mesh.RevisionLabel: drop}}.namespaceSteps(ns)
		default:
			g.workloads = injectedIn(p, ns.Name)
			f.Message = labels + ": " + mesh.InjectionLabel + " wins, so that revision " + now + " injects and not " + alone
			f.Fix = g.fix(p, away, true)
			f.Fix[0].Say = "this leaves the namespace to revision " + alone + "; to stay with " + now + " take the other label away instead: " + mesh.RevisionLabel + "-"
		}
		if p.Scope.Workloads != nil && len(g.workloads) == 0 {
			continue
		}
		f.Affects = g.refs()
		found = append(found, f)
	}
	return found
}

// injectedIn are the workloads of a namespace that would be injected now.
func injectedIn(p *diagnose.Pass, namespace string) []*mesh.Workload {
	var in []*mesh.Workload
	for _, w := range p.Workloads {
		if w.Ref.Namespace != namespace || carriesProxy(w) {
			continue
		}
		if d, ok := p.DecideWorkload(w); ok && d.Inject {
			in = append(in, w)
		}
	}
	return in
}
