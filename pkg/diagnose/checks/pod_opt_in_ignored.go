package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// podOptInIgnored reports pods that ask for a sidecar in a namespace that
// forbids it.
func podOptInIgnored() diagnose.Check {
	return diagnose.Check{
		Name:     podOptInIgnoredName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Doc: `Pods ask for a sidecar in a namespace with istio-injection=disabled

A pod can ask for a sidecar with the label sidecar.istio.io/inject: "true" or
istio.io/rev only in a namespace without injection labels. The webhooks that read
these pod labels do not match a namespace that has istio-injection with any value
but enabled, so that the pod's wish is never seen.

Found by the namespace's label and the labels of pod templates. The fix takes the
label off the namespace: pods that do not ask stay without a sidecar all the
same. Whoever may label the namespace can do it.
`,
		Run: runPodOptInIgnored,
	}
}

func runPodOptInIgnored(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, g := range grouped(absentFrom(p, podOptInIgnoredName)) {
		value := g.namespace.Labels[mesh.InjectionLabel]
		asking := "1 workload there asks for a sidecar and gets none"
		if n := len(g.workloads); n > 1 {
			asking = fmt.Sprintf("%d workloads there ask for a sidecar and get none", n)
		}
		f := diagnose.Finding{
			Message:  fmt.Sprintf("Namespace %s is labelled %s, which no pod's label can override: %s (%s)", g.namespace.Name, pair(mesh.InjectionLabel, value), asking, list(refNames(g.workloads))),
			Object:   g.ref(),
			Field:    "metadata.labels[" + mesh.InjectionLabel + "]",
			Evidence: []string{"namespace label " + pair(mesh.InjectionLabel, value), askedBy(g.workloads[0])},
			Affects:  g.refs(),
		}
		away := edit{labels: map[string]string{mesh.InjectionLabel: drop}}
		f.Fix = g.fix(p, away, away.helps(p, g.workloads[0]))
		if others := broughtIn(p, g, away); len(others) > 0 && len(f.Fix) > 0 {
			f.Fix[0].Say = "this brings in others too, at their next pod: " + list(others)
		}
		found = append(found, f)
	}
	return found
}

// askedBy is the label with which a workload's pods ask for a sidecar.
func askedBy(w *mesh.Workload) string {
	for _, key := range []string{mesh.InjectLabel, mesh.RevisionLabel} {
		if v := w.Template.Labels[key]; v != "" {
			return "pod label of " + w.Ref.String() + ": " + pair(key, v)
		}
	}
	return w.Ref.String()
}

// broughtIn names the workloads of a group's namespace that an edit would
// bring into the mesh without being of the group.
func broughtIn(p *diagnose.Pass, g group, e edit) []string {
	ours := refSetOf(g.workloads)
	var others []string
	for _, w := range p.Workloads {
		if w.Namespace == g.namespace && !ours[w.Ref] && e.helps(p, w) {
			others = append(others, w.Ref.String())
		}
	}
	return others
}

func refSetOf(workloads []*mesh.Workload) map[mesh.Ref]bool {
	set := map[mesh.Ref]bool{}
	for _, w := range workloads {
		set[w.Ref] = true
	}
	return set
}

func refNames(workloads []*mesh.Workload) []string {
	var all []string
	for _, w := range workloads {
		all = append(all, w.Ref.String())
	}
	return all
}
