package checks

import (
	"maps"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// probe is a plain pod that a control plane would inject, without anything
// that a workload could do wrong: what istiod refuses it, it refuses all.
type probe struct {
	plane     *mesh.ControlPlane
	templates string         // the value of inject.istio.io/templates that it carries
	pod       *mesh.Workload // never created
	refs      []mesh.Ref     // the workloads it stands for
}

// probes are one for each control plane and choice of templates that
// workloads make; for a control plane without workloads, one in a namespace
// that it injects. In the order of workloads, then of control planes.
func probes(p *diagnose.Pass) []*probe {
	type key struct {
		plane     *mesh.ControlPlane
		templates string
	}
	by := map[key]*probe{}
	var all []*probe
	add := func(k key, w *mesh.Workload) *probe {
		b := by[k]
		if b == nil {
			b = &probe{plane: k.plane, templates: k.templates, pod: plainPod(w)}
			by[k], all = b, append(all, b)
		}
		return b
	}
	for _, w := range p.Workloads {
		d, ok := p.DecideWorkload(w)
		if cp := planeOf(p, w); ok && d.Inject && cp != nil {
			b := add(key{cp, w.Template.Annotations[templatesAnnotation]}, w)
			b.refs = append(b.refs, w.Ref)
		}
	}
	served := map[*mesh.ControlPlane]bool{}
	for _, b := range all {
		served[b.plane] = true
	}
	for _, ns := range p.Snapshot.Namespaces {
		w := &mesh.Workload{Ref: mesh.RefTo(mesh.Pods, ns.Name, "probe"), Namespace: ns}
		if cp := p.Decide(ns, admission.Template{}); !cp.Inject {
			continue
		}
		if cp := planeOf(p, w); cp != nil && !served[cp] {
			add(key{cp, ""}, w)
		}
	}
	return all
}

// plainPod is a pod that goes the same way as a workload's next.
func plainPod(w *mesh.Workload) *mesh.Workload {
	plain := &mesh.Workload{Ref: mesh.RefTo(mesh.Pods, w.Ref.Namespace, "probe"), Namespace: w.Namespace}
	plain.Template.Name = "probe"
	plain.Template.Labels = maps.Clone(w.Template.Labels) // webhooks select by them
	for _, name := range []string{templatesAnnotation, mesh.InjectLabel} {
		if v, ok := w.Template.Annotations[name]; ok {
			if plain.Template.Annotations == nil {
				plain.Template.Annotations = map[string]string{}
			}
			plain.Template.Annotations[name] = v
		}
	}
	plain.Template.Spec.Containers = []core.Container{{Name: "app", Image: "app"}}
	return plain
}
