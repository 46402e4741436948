package checks

import (
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func ambientAndSidecarLabels() diagnose.Check {
	return diagnose.Check{
		Name: "ambient-and-sidecar-labels",
		Area: diagnose.Labels,
		Doc: `A namespace asks for ambient mode and for sidecars at once

istio.io/dataplane-mode=ambient gives a namespace's traffic to ztunnel;
istio-injection=enabled and istio.io/rev give its pods a sidecar. No webhook
looks at the ambient label, so that pods get their sidecar, and istio-cni leaves
pods with a sidecar out of ambient mode. Which mode a pod ends up in is then
decided pod by pod.

Found by the namespace's labels. It is a warning where workloads get a sidecar
by the namespace's label although it is ambient; pods that say for themselves
what they want (sidecar.istio.io/inject, istio.io/dataplane-mode) are left
alone.

Fix: keep one label, and restart what has to change. Whoever owns the namespace
can do it.`,
		Severity: diagnose.Warning,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Aliases:  []string{"IST0123"},
		Run:      findMixedModes,
	}
}

func findMixedModes(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	namespaces := slices.SortedFunc(slices.Values(p.Snapshot.Namespaces), func(a, b *core.Namespace) int {
		return mesh.RefTo(mesh.Namespaces, "", a.Name).Compare(mesh.RefTo(mesh.Namespaces, "", b.Name))
	})
	for _, ns := range namespaces {
		if ns.Labels[mesh.AmbientLabel] != "ambient" || !p.Scope.Has(ns.Name) || !p.Decide(ns, admission.Template{}).Inject {
			continue
		}
		found = append(found, mixedModes(p, ns))
	}
	return found
}

func mixedModes(p *diagnose.Pass, ns *core.Namespace) diagnose.Finding {
	label := mesh.InjectionLabel
	if _, ok := ns.Labels[label]; !ok {
		label = mesh.RevisionLabel
	}
	var refs []mesh.Ref
	captured := 0
	for _, w := range p.Workloads {
		if w.Ref.Namespace != ns.Name {
			continue
		}
		for _, pod := range w.Pods {
			if mesh.Ambient(pod) && !mesh.InMesh(pod) {
				captured++
			}
		}
		_, ambient := w.Template.Labels[mesh.AmbientLabel]
		_, inject := w.Template.Labels[mesh.InjectLabel]
		if d, _ := p.DecideWorkload(w); d.Inject && !ambient && !inject {
			refs = append(refs, w.Ref)
		}
	}
	f := diagnose.Finding{
		Object: mesh.RefTo(mesh.Namespaces, "", ns.Name), Field: "metadata.labels[" + label + "]", Affects: refs,
		Evidence: []string{
			mesh.AmbientLabel + "=" + ns.Labels[mesh.AmbientLabel],
			label + "=" + ns.Labels[label],
		},
	}
	if len(refs) == 0 {
		f.Severity = diagnose.Info
		f.Message = fmt.Sprintf("namespace %s has labels for ambient mode and for sidecars; none of its workloads gets a sidecar by it", ns.Name)
		return f
	}
	f.Message = fmt.Sprintf("namespace %s is labelled for ambient mode, but its label %s gives %s a sidecar", ns.Name, label, count(len(refs), "workload"))
	sidecar := diagnose.Step{
		Run:  kubectl("", "label", "namespace", ns.Name, mesh.AmbientLabel+"-"),
		Say:  fmt.Sprintf("keeps the sidecars; if ambient mode is meant: kubectl label namespace %s %s-, then restart its workloads", ns.Name, label),
		Kind: diagnose.StepLabel,
	}
	if captured == 0 {
		f.Fix = []diagnose.Step{sidecar}
		return f
	}
	f.Evidence = append(f.Evidence, count(captured, "pod")+" run in ambient mode now")
	f.Fix = append([]diagnose.Step{{
		Run:  kubectl("", "label", "namespace", ns.Name, label+"-"),
		Say:  fmt.Sprintf("keeps ambient mode, in which pods run already; if sidecars are meant: kubectl label namespace %s %s-", ns.Name, mesh.AmbientLabel),
		Kind: diagnose.StepLabel,
	}}, restarts(refs)...)
	return f
}
