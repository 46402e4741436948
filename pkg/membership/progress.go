package membership

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Goal is what the pods of a workload are to be.
type Goal struct {
	Ref      mesh.Ref
	In       bool      // with a sidecar, or without
	Revision string    // of the sidecar; empty: any
	Since    time.Time // events of before say nothing
}

// Progress is how far a workload is.
type Progress struct {
	Ref     mesh.Ref
	Ready   int    // pods that are as they are to be, and ready
	Total   int    // pods wanted
	Done    bool   // every pod is, and the rollout is over
	Refused string // why its controller may not create pods, in the API server's words
	Why     string // why it is not done, as far as its pods tell; empty while nothing is wrong
}

// String is the progress as one line: "deployment/web: 1 of 3 pods".
func (p Progress) String() string {
	text := fmt.Sprintf("%s: %d of %s", p.Ref.Arg(), p.Ready, count(p.Total, "pod"))
	if p.Why != "" {
		text += ": " + p.Why
	}
	return text
}

// Goals are what a plan's workloads come to: those that are restarted, and
// those whose pods are yet to come. Workloads that wait for a restart that
// nobody asks for are none.
func (p *Plan) Goals(restarts bool, since time.Time) []Goal {
	list := p.In
	if !p.Enable {
		list = p.Out
	}
	waits := map[mesh.Ref]bool{}
	for _, o := range slices.Concat(p.Restart, p.ByHand) {
		waits[o.Ref] = true
	}
	if restarts {
		for _, o := range p.Restart {
			waits[o.Ref] = false
		}
	}
	var goals []Goal
	for _, o := range list {
		switch o.Ref.Kind {
		case "Deployment", "StatefulSet", "DaemonSet":
		default:
			continue // their pods end or are made as they please
		}
		if !waits[o.Ref] {
			goals = append(goals, Goal{Ref: o.Ref, In: p.Enable, Revision: o.revision, Since: since})
		}
	}
	return goals
}

// Look says how far workloads are in a snapshot of their namespace. Where it
// was not read whole, nothing is done, and Why says what is missing.
func Look(s *mesh.Snapshot, goals []Goal) []Progress {
	byRef := map[mesh.Ref]*mesh.Workload{}
	for _, w := range mesh.Workloads(s) {
		byRef[w.Ref] = w
	}
	all := make([]Progress, len(goals))
	for i, g := range goals {
		w := byRef[g.Ref]
		switch missing := blind(s, g.Ref); {
		case missing != "":
			all[i] = Progress{Ref: g.Ref, Why: missing}
		case w == nil || w.Meta == nil: // deleted meanwhile
			all[i] = Progress{Ref: g.Ref, Done: true}
		default:
			all[i] = g.look(s, w)
		}
	}
	return all
}

// blind says what was not read that tells how far a workload is.
func blind(s *mesh.Snapshot, ref mesh.Ref) string {
	gv, _ := schema.ParseGroupVersion(ref.APIVersion) // goals are of kinds that snapshots hold
	of, _ := mesh.ForObject(gv.WithKind(ref.Kind).GroupKind())
	for _, k := range []mesh.Kind{of.Kind, mesh.ReplicaSets, mesh.Pods} {
		if !s.Complete(k, ref.Namespace) {
			return unread(s, k, "could not look").Error()
		}
	}
	return ""
}

func (g Goal) look(s *mesh.Snapshot, w *mesh.Workload) Progress {
	p := Progress{Ref: g.Ref, Total: int(w.Wanted)}
	other := 0
	for _, pod := range w.Pods {
		switch {
		case pod.DeletionTimestamp != nil:
		case !g.met(pod):
			other++
		case ready(pod):
			p.Ready++
		default:
			p.Why = cmp.Or(p.Why, trouble(pod))
		}
	}
	over, left := rolledOut(s, w)
	p.Done = over && other == 0 && p.Ready >= p.Total
	if p.Done {
		p.Why = ""
		return p
	}
	if p.Refused = g.refused(s, w); p.Refused != "" {
		p.Why = p.Refused
	}
	if over && other > 0 && p.Ready < p.Total {
		p.Why = cmp.Or(p.Why, fmt.Sprintf("%s made without what a new pod would get: restart it again", count(other, "pod")))
		if !g.In {
			p.Why = fmt.Sprintf("%s made with a sidecar: restart it again", count(other, "pod"))
		}
	}
	p.Why = cmp.Or(p.Why, left)
	return p
}

// met reports whether a pod is what it is to be.
func (g Goal) met(pod *core.Pod) bool {
	if !g.In {
		return mesh.InjectedBy(pod) == ""
	}
	by := mesh.InjectedBy(pod)
	return mesh.InMesh(pod) && (g.Revision == "" || by == "" || by == g.Revision)
}

// refused is why a workload's controller may not create pods: its condition, or,
// for kinds that have none, its last event.
func (g Goal) refused(s *mesh.Snapshot, w *mesh.Workload) string {
	if w.Failure != "" {
		return oneLine(w.Failure)
	}
	if w.Ref.Kind == "Deployment" {
		return ""
	}
	var last *core.Event
	for _, e := range s.Events {
		of := e.InvolvedObject
		if e.Reason != "FailedCreate" || of.Kind != w.Ref.Kind || of.Name != w.Ref.Name || of.Namespace != w.Ref.Namespace || eventTime(e).Before(g.Since) {
			continue
		}
		if last == nil || eventTime(e).After(eventTime(last)) {
			last = e
		}
	}
	// Once a pod was made after it, the refusal is over.
	if last == nil || slices.ContainsFunc(w.Pods, func(p *core.Pod) bool { return p.CreationTimestamp.After(eventTime(last)) }) {
		return ""
	}
	return oneLine(last.Message)
}

func eventTime(e *core.Event) time.Time {
	at := e.LastTimestamp.Time
	if e.Series != nil && e.Series.LastObservedTime.After(at) {
		at = e.Series.LastObservedTime.Time
	}
	if e.EventTime.After(at) {
		at = e.EventTime.Time
	}
	return at
}

// rolledOut reports whether a controller has replaced every pod that it is to
// replace, as kubectl rollout status has it (k8s.io/kubectl v0.35.0,
// pkg/polymorphichelpers/rollout_status.go), and what keeps it from that.
func rolledOut(s *mesh.Snapshot, w *mesh.Workload) (over bool, why string) {
	is := func(namespace, name string) bool { return namespace == w.Ref.Namespace && name == w.Ref.Name }
	switch w.Ref.Kind {
	case "Deployment":
		at := slices.IndexFunc(s.Deployments, func(o *apps.Deployment) bool { return is(o.Namespace, o.Name) })
		o := s.Deployments[at]
		if o.Generation > o.Status.ObservedGeneration {
			return false, ""
		}
		for _, c := range o.Status.Conditions {
			if c.Type == apps.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
				why = "it exceeded its progress deadline"
			}
		}
		return o.Status.UpdatedReplicas >= w.Wanted && o.Status.Replicas <= o.Status.UpdatedReplicas && o.Status.AvailableReplicas >= w.Wanted, why
	case "StatefulSet":
		at := slices.IndexFunc(s.StatefulSets, func(o *apps.StatefulSet) bool { return is(o.Namespace, o.Name) })
		o := s.StatefulSets[at]
		if o.Status.ObservedGeneration == 0 || o.Generation > o.Status.ObservedGeneration {
			return false, ""
		}
		return o.Status.ReadyReplicas >= w.Wanted && o.Status.UpdateRevision == o.Status.CurrentRevision, ""
	case "DaemonSet":
		at := slices.IndexFunc(s.DaemonSets, func(o *apps.DaemonSet) bool { return is(o.Namespace, o.Name) })
		o := s.DaemonSets[at]
		return o.Generation <= o.Status.ObservedGeneration && o.Status.UpdatedNumberScheduled >= w.Wanted && o.Status.NumberAvailable >= w.Wanted, ""
	}
	return true, ""
}

func ready(pod *core.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c core.PodCondition) bool {
		return c.Type == core.PodReady && c.Status == core.ConditionTrue
	})
}

// trouble is what a pod that is not ready suffers from; empty while it starts.
func trouble(pod *core.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == core.PodScheduled && c.Status == core.ConditionFalse {
			return oneLine("pod " + pod.Name + " is not scheduled: " + c.Message)
		}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting := c.State.Waiting
		if waiting == nil {
			continue
		}
		switch waiting.Reason {
		case "", "ContainerCreating", "PodInitializing":
		default:
			return oneLine(fmt.Sprintf("container %s of pod %s: %s %s", c.Name, pod.Name, waiting.Reason, waiting.Message))
		}
	}
	return ""
}

// oneLine makes text one line: what an event says may have many.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
