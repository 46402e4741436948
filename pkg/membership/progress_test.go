package membership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

var (
	began  = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	before = metav1.NewTime(began.Add(-time.Minute))
	after  = metav1.NewTime(began.Add(time.Minute))
)

func replicas(n int32) *int32 { return &n }

// rolled is a Deployment of two pods whose rollout is over, but for what change
// makes of it.
func rolled(change func(*apps.Deployment)) *apps.Deployment {
	d := &apps.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Generation: 2},
		Spec:       apps.DeploymentSpec{Replicas: replicas(2)},
		Status:     apps.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
	}
	if change != nil {
		change(d)
	}
	return d
}

// podOf is a pod of that Deployment, ready and with a sidecar of the revision;
// without one where it is empty.
func podOf(kind, owner, name, revision string, change func(*core.Pod)) *core.Pod {
	yes := true
	p := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, CreationTimestamp: before,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: owner, Controller: &yes}},
		},
		Spec:   core.PodSpec{Containers: []core.Container{{Name: "app"}}},
		Status: core.PodStatus{Conditions: []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}}},
	}
	if kind == "ReplicaSet" {
		p.Labels = map[string]string{apps.DefaultDeploymentUniqueLabelKey: "abc"}
	}
	if revision != "" {
		p.Annotations = map[string]string{mesh.StatusAnnotation: `{"revision":"` + revision + `"}`}
		p.Spec.Containers = append(p.Spec.Containers, core.Container{Name: mesh.ProxyContainer})
	}
	if change != nil {
		change(p)
	}
	return p
}

func web(name, revision string, change func(*core.Pod)) *core.Pod {
	return podOf("ReplicaSet", "web-abc", name, revision, change)
}

func notReady(p *core.Pod) { p.Status.Conditions[0].Status = core.ConditionFalse }

func waits(reason, message string) func(*core.Pod) {
	return func(p *core.Pod) {
		notReady(p)
		p.Status.ContainerStatuses = []core.ContainerStatus{{Name: mesh.ProxyContainer,
			State: core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: reason, Message: message}}}}
	}
}

func TestProgressOfADeployment(t *testing.T) {
	ref := mesh.RefTo(mesh.Deployments, "shop", "web")
	in := membership.Goal{Ref: ref, In: true, Revision: "default", Since: began}
	out := membership.Goal{Ref: ref, Since: began}
	condition := func(kind apps.DeploymentConditionType, status core.ConditionStatus, reason, message string) func(*apps.Deployment) {
		return func(d *apps.Deployment) {
			d.Status.UpdatedReplicas = 1
			d.Status.Conditions = []apps.DeploymentCondition{{Type: kind, Status: status, Reason: reason, Message: message}}
		}
	}
	for name, c := range map[string]struct {
		goal membership.Goal
		of   *apps.Deployment
		pods []*core.Pod
		want membership.Progress
	}{
		"all pods have it": {in, rolled(nil), []*core.Pod{web("a", "default", nil), web("b", "default", nil)},
			membership.Progress{Ready: 2, Total: 2, Done: true}},
		"an old pod is still there": {in, rolled(func(d *apps.Deployment) { d.Status.Replicas = 3 }),
			[]*core.Pod{web("a", "default", nil), web("b", "default", nil), web("c", "", nil)}, membership.Progress{Ready: 2, Total: 2}},
		"an old pod is still there that its controller does not count": {in, rolled(nil),
			[]*core.Pod{web("a", "default", nil), web("b", "default", nil), web("c", "", nil)}, membership.Progress{Ready: 2, Total: 2}},
		"an old pod is being deleted": {in, rolled(nil),
			[]*core.Pod{web("a", "default", nil), web("b", "default", nil), web("c", "", func(p *core.Pod) { p.DeletionTimestamp = &after })},
			membership.Progress{Ready: 2, Total: 2, Done: true}},
		"the controller has not seen it yet": {in, rolled(func(d *apps.Deployment) { d.Generation = 3 }),
			[]*core.Pod{web("a", "default", nil), web("b", "default", nil)}, membership.Progress{Ready: 2, Total: 2}},
		"a pod is of another revision": {in, rolled(func(d *apps.Deployment) { d.Status.UpdatedReplicas = 1 }),
			[]*core.Pod{web("a", "default", nil), web("b", "old", nil)}, membership.Progress{Ready: 1, Total: 2}},
		"a pod is not ready": {in, rolled(func(d *apps.Deployment) { d.Status.AvailableReplicas = 1 }),
			[]*core.Pod{web("a", "default", nil), web("b", "default", notReady)}, membership.Progress{Ready: 1, Total: 2}},
		"a proxy's image is not there": {in, rolled(func(d *apps.Deployment) { d.Status.AvailableReplicas = 1 }),
			[]*core.Pod{web("a", "default", nil), web("b", "default", waits("ImagePullBackOff", "back-off\npulling"))},
			membership.Progress{Ready: 1, Total: 2, Why: "container istio-proxy of pod b: ImagePullBackOff back-off pulling"}},
		"a pod starts": {in, rolled(func(d *apps.Deployment) { d.Status.AvailableReplicas = 1 }),
			[]*core.Pod{web("a", "default", nil), web("b", "default", waits("PodInitializing", ""))}, membership.Progress{Ready: 1, Total: 2}},
		"new pods are refused": {in, rolled(condition(apps.DeploymentReplicaFailure, core.ConditionTrue, "FailedCreate", "exceeded quota")),
			[]*core.Pod{web("a", "default", nil), web("b", "", nil)},
			membership.Progress{Ready: 1, Total: 2, Refused: "exceeded quota", Why: "exceeded quota"}},
		"its deadline is over": {in, rolled(condition(apps.DeploymentProgressing, core.ConditionFalse, "ProgressDeadlineExceeded", "")),
			[]*core.Pod{web("a", "default", nil), web("b", "", nil)},
			membership.Progress{Ready: 1, Total: 2, Why: "it exceeded its progress deadline"}},
		"the new pods have none": {in, rolled(nil), []*core.Pod{web("a", "", nil), web("b", "", nil)},
			membership.Progress{Total: 2, Why: "2 pods made without what a new pod would get: restart it again"}},
		"none is left": {out, rolled(nil), []*core.Pod{web("a", "", nil), web("b", "", nil)}, membership.Progress{Ready: 2, Total: 2, Done: true}},
		"one is left": {out, rolled(func(d *apps.Deployment) { d.Status.Replicas = 3 }),
			[]*core.Pod{web("a", "", nil), web("b", "default", nil)}, membership.Progress{Ready: 1, Total: 2}},
		"it was deleted": {in, &apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other"}}, nil, membership.Progress{Done: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Ref = ref
			s := &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Everything, Namespace: "shop"}}, Deployments: []*apps.Deployment{c.of}, Pods: c.pods}
			assert.Equal(t, []membership.Progress{c.want}, membership.Look(s, []membership.Goal{c.goal}))
		})
	}
}

func TestProgressOfAStatefulSetAndADaemonSet(t *testing.T) {
	set := &apps.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db", Generation: 2}, Spec: apps.StatefulSetSpec{Replicas: replicas(1)},
		Status: apps.StatefulSetStatus{ObservedGeneration: 2, ReadyReplicas: 0, UpdateRevision: "b", CurrentRevision: "a"}}
	node := &apps.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "node", Generation: 2},
		Status: apps.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 1, UpdatedNumberScheduled: 1, NumberAvailable: 1}}
	event := func(at metav1.Time, message string) *core.Event {
		return &core.Event{InvolvedObject: core.ObjectReference{Kind: "StatefulSet", Namespace: "shop", Name: "db"},
			Reason: "FailedCreate", Message: message, LastTimestamp: at}
	}
	s := &mesh.Snapshot{
		Read:         []mesh.Extent{{Kind: mesh.Everything, Namespace: "shop"}},
		StatefulSets: []*apps.StatefulSet{set}, DaemonSets: []*apps.DaemonSet{node},
		Pods:   []*core.Pod{podOf("DaemonSet", "node", "node-x", "default", nil)},
		Events: []*core.Event{event(before, "long ago"), event(after, "istiod refuses")},
	}
	db, agent := mesh.RefTo(mesh.StatefulSets, "shop", "db"), mesh.RefTo(mesh.DaemonSets, "shop", "node")
	goals := []membership.Goal{{Ref: db, In: true, Since: began}, {Ref: agent, In: true, Since: began}}
	assert.Equal(t, []membership.Progress{
		{Ref: db, Total: 1, Refused: "istiod refuses", Why: "istiod refuses"},
		{Ref: agent, Ready: 1, Total: 1, Done: true},
	}, membership.Look(s, goals))

	s.Pods = append(s.Pods, podOf("StatefulSet", "db", "db-0", "default", func(p *core.Pod) { p.CreationTimestamp = metav1.NewTime(after.Add(time.Second)) }))
	set.Status.ReadyReplicas, set.Status.CurrentRevision = 1, "b"
	assert.Equal(t, membership.Progress{Ref: db, Ready: 1, Total: 1, Done: true}, membership.Look(s, goals)[0], "a pod came after the refusal")
}

func TestProgressThatCannotBeSeenIsNotDone(t *testing.T) {
	ref := mesh.RefTo(mesh.Deployments, "shop", "web")
	s := &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Everything, Namespace: "shop"}}, Gaps: []mesh.Gap{{Kind: mesh.Pods, Namespace: "shop", Reason: "timed out after 15s"}}}
	assert.Equal(t, []membership.Progress{{Ref: ref, Why: "could not look: could not read pods in namespace shop: timed out after 15s"}},
		membership.Look(s, []membership.Goal{{Ref: ref, In: true}}))
}
