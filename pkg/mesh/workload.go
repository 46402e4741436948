package mesh

import (
	"maps"
	"slices"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Workload is what people deploy: a controller that nothing else controls, or
// a pod by itself, with the pods that run for it.
type Workload struct {
	Ref       Ref
	Namespace *core.Namespace      // nil when it was not read
	Meta      *metav1.ObjectMeta   // of the controller or the pod; nil when only pods of a controller were seen
	Template  core.PodTemplateSpec // what its next pod is made of: the controller's template, or its youngest pod
	Pods      []*core.Pod          // that have not ended, oldest first
	Wanted    int32                // pods wanted; -1 where the kind does not say
	Failure   string               // why its controller cannot create pods (condition ReplicaFailure)
}

// Bare returns the pods without a proxy.
func (w *Workload) Bare() []*core.Pod {
	var bare []*core.Pod
	for _, p := range w.Pods {
		if !InMesh(p) {
			bare = append(bare, p)
		}
	}
	return bare
}

// Workloads groups a snapshot's controllers and pods, ordered by namespace,
// kind and name. Pods find their controllers by owner references; where a
// ReplicaSet was not read, its name without the pod-template-hash is its
// Deployment's, as Istio takes it (istio.io/istio 1.29.1,
// pkg/kube/util.go: GetDeployMetaFromPod).
func Workloads(s *Snapshot) []*Workload {
	g := grouping{known: map[Ref]*Workload{}, owners: map[Ref]Ref{}, failures: map[Ref]string{}}
	for _, o := range s.Deployments {
		ref := g.controller(Deployments, &o.ObjectMeta, &o.Spec.Template, wanted(o.Spec.Replicas))
		for _, c := range o.Status.Conditions {
			if c.Type == apps.DeploymentReplicaFailure && c.Status == core.ConditionTrue {
				g.failures[ref] = c.Message
			}
		}
	}
	for _, o := range s.ReplicaSets {
		ref := g.controller(ReplicaSets, &o.ObjectMeta, &o.Spec.Template, wanted(o.Spec.Replicas))
		for _, c := range o.Status.Conditions {
			if c.Type == apps.ReplicaSetReplicaFailure && c.Status == core.ConditionTrue {
				g.failures[ref] = c.Message
			}
		}
	}
	for _, o := range s.StatefulSets {
		g.controller(StatefulSets, &o.ObjectMeta, &o.Spec.Template, wanted(o.Spec.Replicas))
	}
	for _, o := range s.DaemonSets {
		g.controller(DaemonSets, &o.ObjectMeta, &o.Spec.Template, o.Status.DesiredNumberScheduled)
	}
	for _, o := range s.CronJobs {
		g.controller(CronJobs, &o.ObjectMeta, &o.Spec.JobTemplate.Spec.Template, -1)
	}
	for _, o := range s.Jobs {
		g.controller(Jobs, &o.ObjectMeta, &o.Spec.Template, -1)
	}
	for _, p := range s.Pods {
		g.pod(p)
	}
	return g.roots(s.Namespaces)
}

// grouping collects what Workloads has seen so far.
type grouping struct {
	known    map[Ref]*Workload
	owners   map[Ref]Ref    // controller of a controller
	failures map[Ref]string // of a controller to create pods
}

// controller notes what makes pods. One that something else controls is no
// workload by itself.
func (g *grouping) controller(k Kind, meta *metav1.ObjectMeta, t *core.PodTemplateSpec, replicas int32) Ref {
	ref := RefTo(k, meta.Namespace, meta.Name)
	if owner, ok := controllerOf(meta); ok && owner != ref {
		g.owners[ref] = owner
	} else {
		g.known[ref] = &Workload{Ref: ref, Meta: meta, Template: *t, Wanted: replicas}
	}
	return ref
}

func (g *grouping) pod(p *core.Pod) {
	if Done(p) {
		return
	}
	ref := RefTo(Pods, p.Namespace, p.Name)
	if owner, ok := controllerOf(&p.ObjectMeta); ok {
		ref = g.root(owner, p.Labels[apps.DefaultDeploymentUniqueLabelKey])
	}
	w := g.known[ref]
	if w == nil {
		w = &Workload{Ref: ref, Wanted: -1}
		if ref.Kind == "Pod" {
			w.Meta = &p.ObjectMeta
		}
		g.known[ref] = w
	}
	w.Pods = append(w.Pods, p)
}

// root follows owners upwards, by name where a ReplicaSet was not read.
func (g *grouping) root(ref Ref, hash string) Ref {
	for range 5 { // deeper chains of controllers are not seen; a cycle must end
		up, ok := g.owners[ref]
		if !ok && g.known[ref] == nil && ref.Kind == "ReplicaSet" && hash != "" {
			if name, cut := strings.CutSuffix(ref.Name, "-"+hash); cut {
				return RefTo(Deployments, ref.Namespace, name)
			}
		}
		if !ok {
			return ref
		}
		ref = up
	}
	return ref
}

func (g *grouping) roots(namespaces []*core.Namespace) []*Workload {
	byName := make(map[string]*core.Namespace, len(namespaces))
	for _, ns := range namespaces {
		byName[ns.Name] = ns
	}
	// A workload's own word counts before that of what it controls.
	for _, ref := range slices.SortedFunc(maps.Keys(g.failures), Ref.Compare) {
		if w := g.known[g.root(ref, "")]; w != nil && (w.Failure == "" || w.Ref == ref) {
			w.Failure = g.failures[ref]
		}
	}
	all := make([]*Workload, 0, len(g.known))
	for _, w := range g.known {
		slices.SortFunc(w.Pods, func(a, b *core.Pod) int {
			if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
				return c
			}
			return strings.Compare(a.Name, b.Name)
		})
		if w.Template.Spec.Containers == nil && len(w.Pods) > 0 {
			p := w.Pods[len(w.Pods)-1]
			w.Template = core.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
		}
		w.Namespace = byName[w.Ref.Namespace]
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *Workload) int { return a.Ref.Compare(b.Ref) })
	return all
}

func controllerOf(meta *metav1.ObjectMeta) (Ref, bool) {
	o := metav1.GetControllerOfNoCopy(meta)
	if o == nil || o.Kind == "Node" { // a static pod's mirror is a workload by itself
		return Ref{}, false
	}
	return Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: meta.Namespace, Name: o.Name}, true
}

func wanted(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}
