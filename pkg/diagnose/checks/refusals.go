package checks

import (
	"cmp"
	"slices"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// refusal is a workload whose next pod the API server refused, and its words.
type refusal struct {
	Workload *mesh.Workload
	Message  string    // of the event or condition, without what the controller put before it
	Cause    cause     // told from the message
	Webhook  string    // the webhook that the message names, if any
	Last     time.Time // of the event, or of the condition's change
}

// refusals returns the current ones, at most one a workload, in the order of
// workloads: those of controllers that have fewer pods than they want, and
// whose latest refusal is not older than their youngest pod. Between a repair
// and the controller's next try (up to about 16 minutes) a refusal is still
// current though its cause is gone.
//
// It looks at Pods, Events, Deployments, ReplicaSets, StatefulSets, DaemonSets
// and Jobs, whichever of them the check has declared.
func refusals(p *diagnose.Pass) []refusal {
	kinds := []mesh.Kind{mesh.Pods, mesh.Events, mesh.Deployments, mesh.ReplicaSets, mesh.StatefulSets, mesh.DaemonSets, mesh.Jobs}
	return slices.Clone(diagnose.Once(p, "refusals", kinds, findRefusals))
}

func findRefusals(p *diagnose.Pass) []refusal {
	found := map[mesh.Ref]refusal{}
	known := map[mesh.Ref]*mesh.Workload{}
	for _, w := range p.Workloads {
		known[w.Ref] = w
	}
	words := eventWords(p.Snapshot)
	for _, m := range makers(p.Snapshot) {
		last := m.latest(words)
		if !m.lacks || last.message == "" || last.at.Before(m.youngest) {
			continue
		}
		w := known[m.root]
		if w == nil && p.Scope.Workloads == nil && p.Scope.Has(m.root.Namespace) && m.custom {
			w = &mesh.Workload{Ref: m.root, Template: *m.template, Wanted: -1}
		}
		if w == nil || last.at.Before(found[m.root].Last) {
			continue
		}
		c, webhook := classify(last.message)
		found[m.root] = refusal{Workload: w, Message: last.message, Cause: c, Webhook: webhook, Last: last.at}
	}
	list := make([]refusal, 0, len(found))
	for _, r := range found {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b refusal) int { return a.Workload.Ref.Compare(b.Workload.Ref) })
	return list
}

// saying is what was said of a refusal, and when.
type saying struct {
	message string
	at      time.Time
}

// maker is an object that makes pods itself: a ReplicaSet, not its Deployment.
type maker struct {
	ref, root mesh.Ref // itself, and the workload it belongs to
	lacks     bool     // has fewer pods than it wants
	made      time.Time
	youngest  time.Time
	condition saying
	custom    bool                  // root is of a kind that is not read (Rollout)
	template  *core.PodTemplateSpec // for custom roots
}

// latest is the newest thing said about a maker. A ReplicaSet's condition
// keeps the words of the first refusal (k8s.io/kubernetes v1.35.4,
// pkg/controller/replicaset/replica_set_utils.go: calculateStatus), so a later
// event knows better. One from before the maker was made is of another of the
// same name.
func (m *maker) latest(words map[subject]saying) saying {
	last := words[subject{m.ref.Kind, m.ref.Namespace, m.ref.Name}]
	if last.message == "" || m.condition.at.After(last.at) || last.at.Before(m.made) {
		return m.condition
	}
	return last
}

// subject is the object of an event.
type subject struct{ kind, namespace, name string }

func eventWords(s *mesh.Snapshot) map[subject]saying {
	words := map[subject]saying{}
	for _, e := range s.Events {
		if e.Reason != "FailedCreate" && e.Reason != "ReplicaSetCreateError" {
			continue
		}
		o := e.InvolvedObject
		key := subject{o.Kind, cmp.Or(o.Namespace, e.Namespace), o.Name}
		said := saying{message: bareMessage(e.Message), at: eventTime(e)}
		old, seen := words[key]
		if !seen || said.at.After(old.at) || said.at.Equal(old.at) && said.message < old.message {
			words[key] = said
		}
	}
	return words
}

// eventTime is when an event was last seen.
func eventTime(e *core.Event) time.Time {
	at := e.LastTimestamp.Time
	if e.Series != nil && e.Series.LastObservedTime.After(at) {
		at = e.Series.LastObservedTime.Time
	}
	for _, t := range []time.Time{e.EventTime.Time, e.FirstTimestamp.Time, e.CreationTimestamp.Time} {
		if at.IsZero() {
			at = t
		}
	}
	return at
}

// bareMessage takes off what the event recorder and the controllers put before
// the API server's words (k8s.io/client-go v0.35.0, tools/record/events_cache.go;
// k8s.io/kubernetes v1.35.4, pkg/controller/controller_utils.go and
// pkg/controller/statefulset/stateful_pod_control.go).
func bareMessage(m string) string {
	m = strings.TrimPrefix(m, "(combined from similar events): ")
	m = strings.TrimPrefix(m, "Error creating: ")
	if strings.HasPrefix(m, "Failed to create new replica set ") {
		_, m, _ = strings.Cut(m, `": `)
	}
	if strings.HasPrefix(m, "create Pod ") {
		if _, after, ok := strings.Cut(m, " failed error: "); ok {
			m = after
		}
	}
	return m
}

// makers lists the makers of pods of a snapshot, in a fixed order.
func makers(s *mesh.Snapshot) []*maker {
	pods := podsByController(s)
	var all []*maker
	add := func(k mesh.Kind, o *metav1.ObjectMeta, t *core.PodTemplateSpec, wants, has int32) *maker {
		m := &maker{ref: mesh.RefTo(k, o.Namespace, o.Name), made: o.CreationTimestamp.Time, template: t}
		m.root = m.ref
		m.youngest = pods[m.ref].youngest
		if s.Complete(mesh.Pods, o.Namespace) {
			has = pods[m.ref].count
		}
		m.lacks = has < wants
		all = append(all, m)
		return m
	}
	withSets := map[mesh.Ref]bool{}
	for _, o := range s.ReplicaSets {
		m := add(mesh.ReplicaSets, &o.ObjectMeta, &o.Spec.Template, replicas(o.Spec.Replicas), o.Status.Replicas)
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
			m.root = mesh.Ref{APIVersion: owner.APIVersion, Kind: owner.Kind, Namespace: o.Namespace, Name: owner.Name}
			m.custom = m.root != mesh.RefTo(mesh.Deployments, o.Namespace, owner.Name)
			withSets[m.root] = true
		}
		for _, c := range o.Status.Conditions {
			if c.Type == apps.ReplicaSetReplicaFailure && c.Status == core.ConditionTrue {
				m.condition = saying{bareMessage(c.Message), c.LastTransitionTime.Time}
			}
		}
		if o.Status.ObservedGeneration > 0 && m.condition.message == "" {
			m.lacks = false // its controller's last try worked
		}
	}
	for _, o := range s.Deployments {
		if withSets[mesh.RefTo(mesh.Deployments, o.Namespace, o.Name)] {
			continue // its ReplicaSets know better which of them lacks pods
		}
		m := add(mesh.Deployments, &o.ObjectMeta, &o.Spec.Template, replicas(o.Spec.Replicas), 0)
		for _, c := range o.Status.Conditions {
			if c.Type == apps.DeploymentReplicaFailure && c.Status == core.ConditionTrue {
				m.condition = saying{bareMessage(c.Message), later(c.LastUpdateTime, c.LastTransitionTime)}
			}
		}
	}
	for _, o := range s.StatefulSets {
		add(mesh.StatefulSets, &o.ObjectMeta, &o.Spec.Template, replicas(o.Spec.Replicas), o.Status.Replicas)
	}
	for _, o := range s.DaemonSets {
		add(mesh.DaemonSets, &o.ObjectMeta, &o.Spec.Template, o.Status.DesiredNumberScheduled, o.Status.CurrentNumberScheduled)
	}
	for _, o := range s.Jobs {
		m := add(mesh.Jobs, &o.ObjectMeta, &o.Spec.Template, jobWants(o), o.Status.Active)
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
			m.root = mesh.Ref{APIVersion: owner.APIVersion, Kind: owner.Kind, Namespace: o.Namespace, Name: owner.Name}
			m.custom = owner.Kind != "CronJob"
		}
	}
	return all
}

// running are the pods of one controller.
type running struct {
	count    int32
	youngest time.Time
}

func podsByController(s *mesh.Snapshot) map[mesh.Ref]running {
	by := map[mesh.Ref]running{}
	for _, p := range s.Pods {
		owner := metav1.GetControllerOfNoCopy(p)
		if owner == nil {
			continue
		}
		ref := mesh.Ref{APIVersion: owner.APIVersion, Kind: owner.Kind, Namespace: p.Namespace, Name: owner.Name}
		r := by[ref]
		if p.CreationTimestamp.After(r.youngest) {
			r.youngest = p.CreationTimestamp.Time
		}
		if !mesh.Done(p) && p.DeletionTimestamp == nil {
			r.count++
		}
		by[ref] = r
	}
	return by
}

// jobWants is how many pods a Job wants now; none when it has ended or is
// suspended.
func jobWants(j *batch.Job) int32 {
	if j.Spec.Suspend != nil && *j.Spec.Suspend {
		return 0
	}
	for _, c := range j.Status.Conditions {
		if (c.Type == batch.JobComplete || c.Type == batch.JobFailed) && c.Status == core.ConditionTrue {
			return 0
		}
	}
	wants := replicas(j.Spec.Parallelism)
	if j.Spec.Completions != nil {
		wants = min(wants, *j.Spec.Completions-j.Status.Succeeded)
	}
	return wants
}

func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func later(a, b metav1.Time) time.Time {
	if a.After(b.Time) {
		return a.Time
	}
	return b.Time
}
