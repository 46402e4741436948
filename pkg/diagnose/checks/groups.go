package checks

import (
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// group is a namespace and some of its workloads.
type group struct {
	namespace *core.Namespace
	workloads []*mesh.Workload
}

func (g group) ref() mesh.Ref    { return mesh.RefTo(mesh.Namespaces, "", g.namespace.Name) }
func (g group) refs() []mesh.Ref { return refsOf(g.workloads) }

// grouped puts workloads that are ordered by namespace into groups. Those of
// which the namespace was not read are left out.
func grouped(workloads []*mesh.Workload) []group {
	var groups []group
	for _, w := range workloads {
		if w.Namespace == nil {
			continue
		}
		if n := len(groups); n == 0 || groups[n-1].namespace != w.Namespace {
			groups = append(groups, group{namespace: w.Namespace})
		}
		g := &groups[len(groups)-1]
		g.workloads = append(g.workloads, w)
	}
	return groups
}

// grouping by namespace of those that a check answers for, and, where the whole
// of a namespace was asked about, the namespaces that have no workloads at all:
// a wrong label is a fault before the first pod comes.
func withEmpty(p *diagnose.Pass, check string) []group {
	groups := grouped(absentFrom(p, check))
	if p.Scope.Named || p.Scope.Workloads != nil {
		return groups
	}
	peopled := map[string]bool{}
	for _, w := range p.Workloads {
		peopled[w.Ref.Namespace] = true
	}
	for _, ns := range p.Snapshot.Namespaces {
		if p.Scope.Has(ns.Name) && !peopled[ns.Name] {
			groups = append(groups, group{namespace: ns})
		}
	}
	return groups
}

// newcomer stands for the next workload of a namespace: a plain pod without
// labels of its own.
func (g group) newcomer() *mesh.Workload {
	if len(g.workloads) > 0 {
		return g.workloads[0]
	}
	return &mesh.Workload{Ref: mesh.RefTo(mesh.Pods, g.namespace.Name, ""), Namespace: g.namespace}
}

// consequence ends a message about a namespace: who gets no sidecar.
func (g group) consequence() string {
	switch n := len(g.workloads); {
	case n == 0:
		return "so that pods there will get no sidecar"
	case n == 1:
		return "so that " + g.workloads[0].Ref.String() + " gets no sidecar"
	default:
		return "so that " + count(n, "workload") + " there get no sidecar"
	}
}

// fix are the steps of an edit of the namespace and the restarts it needs.
func (g group) fix(p *diagnose.Pass, e edit, enough bool) []diagnose.Step {
	steps := e.namespaceSteps(g.namespace)
	if !enough {
		steps = append(steps, notEnough())
	}
	return append(steps, replaced(p, g.workloads)...)
}

// stillIn reports whether every workload of a group runs, and with sidecars
// alone: it is in the mesh until its next pod.
func (g group) stillIn() bool {
	for _, w := range g.workloads {
		if len(w.Pods) == 0 || len(bareNow(w)) > 0 {
			return false
		}
	}
	return true
}

func refsOf(workloads []*mesh.Workload) []mesh.Ref {
	var refs []mesh.Ref
	for _, w := range workloads {
		refs = append(refs, w.Ref)
	}
	return refs
}

// outcome is the control plane a namespace's plain pod would go to; empty when
// no webhook takes it.
func outcome(p *diagnose.Pass, ns *core.Namespace) string {
	d := p.Decide(ns, admission.Template{})
	if d.By == nil {
		return ""
	}
	return d.Revision()
}

// quoted label: key=value as kubectl prints it.
func pair(key, value string) string { return key + "=" + value }
