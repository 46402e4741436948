package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func revisionChanged() diagnose.Check {
	return diagnose.Check{
		Name: "revision-changed",
		Area: diagnose.DataPlane,
		Doc: `Running pods belong to another revision than their next ones will

A pod keeps the revision that injected it until it is replaced. When a tag was
moved, a namespace relabelled or a second control plane installed, the pods that
run belong to the old revision, and the next restart, whatever its reason, moves
them to the new one. In the middle of a canary upgrade that is the plan; found
by surprise it is how half a workload changes version on a node drain.

Found by comparing the revision in the pods' annotation sidecar.istio.io/status
with the revision that would be asked if they were created now.

Fix: restart the workloads, now that somebody is watching, or move the label or
tag back. Whoever owns the workloads can do it.`,
		Severity: diagnose.Warning,
		Needs:    append(webhookNeeds(), mesh.Pods),
		Wants:    webhookWants(),
		Run:      findChangedRevisions,
	}
}

// move is a change of revision that awaits the pods of one namespace.
type move struct{ namespace, from, to string }

func findChangedRevisions(p *diagnose.Pass) []diagnose.Finding {
	moves := map[move][]mesh.Ref{}
	pods := map[move]int{}
	for _, w := range p.Workloads {
		d, known := p.DecideWorkload(w)
		if !known || !d.Inject {
			continue
		}
		for _, pod := range w.Pods {
			from := mesh.InjectedBy(pod)
			to := d.Istiod.Revision
			if from == "" || to == "" || from == to {
				continue
			}
			m := move{w.Ref.Namespace, from, to}
			moves[m] = append(moves[m], w.Ref)
			pods[m]++
		}
	}
	order := slices.SortedFunc(maps.Keys(moves), func(a, b move) int {
		return strings.Compare(a.namespace+"\x00"+a.from+"\x00"+a.to, b.namespace+"\x00"+b.from+"\x00"+b.to)
	})
	var found []diagnose.Finding
	for _, m := range order {
		refs := slices.Compact(slices.SortedFunc(slices.Values(moves[m]), mesh.Ref.Compare))
		found = append(found, diagnose.Finding{
			ID: strings.Join([]string{"revision-changed", m.namespace, m.from, m.to}, "/"),
			Message: fmt.Sprintf("pods in namespace %s that revision %s injected (%s of %s) move to revision %s at their next restart",
				m.namespace, m.from, count(pods[m], "pod"), count(len(refs), "workload"), m.to),
			Object: mesh.RefTo(mesh.Namespaces, "", m.namespace), Field: whoDecides(p, m), Affects: refs,
			Evidence: []string{
				"sidecar.istio.io/status of the pods says revision " + m.from,
				"a pod created now is sent to revision " + m.to,
			},
			Fix: restarts(refs),
		})
	}
	return found
}

// whoDecides is the label of the namespace that leads to the new revision;
// empty where it is the pods' own.
func whoDecides(p *diagnose.Pass, m move) string {
	for _, ns := range p.Snapshot.Namespaces {
		if ns.Name != m.namespace {
			continue
		}
		for _, key := range []string{mesh.InjectionLabel, mesh.RevisionLabel} {
			if _, ok := ns.Labels[key]; ok {
				return "metadata.labels[" + key + "]"
			}
		}
	}
	return ""
}
