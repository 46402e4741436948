package mesh

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func meta(name string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, OwnerReferences: owners}
}

func by(apiVersion, kind, name string) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, Controller: &yes}
}

func replicas(n int32) *int32 { return &n }

// brief is a workload for comparing: who, how many pods wanted, which there.
type brief struct {
	Ref     string
	Wanted  int32
	Pods    []string
	Failure string
}

func briefs(s *Snapshot) []brief {
	var all []brief
	for _, w := range Workloads(s) {
		b := brief{Ref: w.Ref.String(), Wanted: w.Wanted, Failure: w.Failure}
		for _, p := range w.Pods {
			b.Pods = append(b.Pods, p.Name)
		}
		all = append(all, b)
	}
	return all
}

func hashed(name, hash string, owners ...metav1.OwnerReference) *core.Pod {
	p := &core.Pod{ObjectMeta: meta(name, owners...)}
	p.Labels = map[string]string{apps.DefaultDeploymentUniqueLabelKey: hash}
	return p
}

func TestWorkloads(t *testing.T) {
	deployment := &apps.Deployment{ObjectMeta: meta("web"), Spec: apps.DeploymentSpec{Replicas: replicas(3)}}
	replicaSet := &apps.ReplicaSet{ObjectMeta: meta("web-abc", by("apps/v1", "Deployment", "web")), Spec: apps.ReplicaSetSpec{Replicas: replicas(3)}}
	ofReplicaSet := by("apps/v1", "ReplicaSet", "web-abc")
	for name, c := range map[string]struct {
		in   *Snapshot
		want []brief
	}{
		"nothing": {&Snapshot{}, nil},
		"a deployment without pods": {
			&Snapshot{Deployments: []*apps.Deployment{deployment}},
			[]brief{{Ref: "Deployment shop/web", Wanted: 3}},
		},
		"replicas that are not given are one": {
			&Snapshot{Deployments: []*apps.Deployment{{ObjectMeta: meta("web")}}},
			[]brief{{Ref: "Deployment shop/web", Wanted: 1}},
		},
		"a deployment, its replica set and pods": {
			&Snapshot{Deployments: []*apps.Deployment{deployment}, ReplicaSets: []*apps.ReplicaSet{replicaSet},
				Pods: []*core.Pod{hashed("web-abc-2", "abc", ofReplicaSet), hashed("web-abc-1", "abc", ofReplicaSet)}},
			[]brief{{Ref: "Deployment shop/web", Wanted: 3, Pods: []string{"web-abc-1", "web-abc-2"}}},
		},
		"the replica set was not read": {
			&Snapshot{Deployments: []*apps.Deployment{deployment}, Pods: []*core.Pod{hashed("web-abc-1", "abc", ofReplicaSet)}},
			[]brief{{Ref: "Deployment shop/web", Wanted: 3, Pods: []string{"web-abc-1"}}},
		},
		"only the pod was read": {
			&Snapshot{Pods: []*core.Pod{hashed("web-abc-1", "abc", ofReplicaSet)}},
			[]brief{{Ref: "Deployment shop/web", Wanted: -1, Pods: []string{"web-abc-1"}}},
		},
		"a replica set by itself": {
			&Snapshot{ReplicaSets: []*apps.ReplicaSet{{ObjectMeta: meta("web-abc")}}, Pods: []*core.Pod{{ObjectMeta: meta("web-abc-1", ofReplicaSet)}}},
			[]brief{{Ref: "ReplicaSet shop/web-abc", Wanted: 1, Pods: []string{"web-abc-1"}}},
		},
		"an old replica set of a deployment that was not read": {
			&Snapshot{ReplicaSets: []*apps.ReplicaSet{replicaSet}},
			nil,
		},
		"the replica set's failure is the deployment's": {
			&Snapshot{Deployments: []*apps.Deployment{deployment}, ReplicaSets: []*apps.ReplicaSet{{ObjectMeta: replicaSet.ObjectMeta,
				Status: apps.ReplicaSetStatus{Conditions: []apps.ReplicaSetCondition{{Type: apps.ReplicaSetReplicaFailure, Status: core.ConditionTrue, Message: "no endpoints"}}}}}},
			[]brief{{Ref: "Deployment shop/web", Wanted: 3, Failure: "no endpoints"}},
		},
		"a failure that is over": {
			&Snapshot{Deployments: []*apps.Deployment{{ObjectMeta: meta("web"),
				Status: apps.DeploymentStatus{Conditions: []apps.DeploymentCondition{{Type: apps.DeploymentReplicaFailure, Status: core.ConditionFalse, Message: "no endpoints"}}}}}},
			[]brief{{Ref: "Deployment shop/web", Wanted: 1}},
		},
		"a cron job's job": {
			&Snapshot{CronJobs: []*batch.CronJob{{ObjectMeta: meta("nightly")}}, Jobs: []*batch.Job{{ObjectMeta: meta("nightly-1", by("batch/v1", "CronJob", "nightly"))}},
				Pods: []*core.Pod{{ObjectMeta: meta("nightly-1-x", by("batch/v1", "Job", "nightly-1"))}}},
			[]brief{{Ref: "CronJob shop/nightly", Wanted: -1, Pods: []string{"nightly-1-x"}}},
		},
		"a stateful set and a daemon set": {
			&Snapshot{StatefulSets: []*apps.StatefulSet{{ObjectMeta: meta("db"), Spec: apps.StatefulSetSpec{Replicas: replicas(2)}}},
				DaemonSets: []*apps.DaemonSet{{ObjectMeta: meta("agent"), Status: apps.DaemonSetStatus{DesiredNumberScheduled: 4}}}},
			[]brief{{Ref: "DaemonSet shop/agent", Wanted: 4}, {Ref: "StatefulSet shop/db", Wanted: 2}},
		},
		"a bare pod and a static pod's mirror are their own workloads": {
			&Snapshot{Pods: []*core.Pod{{ObjectMeta: meta("tool")}, {ObjectMeta: meta("kube-apiserver-n1", by("v1", "Node", "n1"))}}},
			[]brief{{Ref: "Pod shop/kube-apiserver-n1", Wanted: -1, Pods: []string{"kube-apiserver-n1"}}, {Ref: "Pod shop/tool", Wanted: -1, Pods: []string{"tool"}}},
		},
		"pods that have ended do not count": {
			&Snapshot{Pods: []*core.Pod{{ObjectMeta: meta("done"), Status: core.PodStatus{Phase: core.PodSucceeded}}}},
			nil,
		},
		"a controller of a kind that is not known": {
			&Snapshot{Pods: []*core.Pod{{ObjectMeta: meta("r-1", by("argoproj.io/v1alpha1", "Rollout", "r"))}}},
			[]brief{{Ref: "Rollout shop/r", Wanted: -1, Pods: []string{"r-1"}}},
		},
		"a controller that owns itself": {
			&Snapshot{ReplicaSets: []*apps.ReplicaSet{{ObjectMeta: meta("a", by("apps/v1", "ReplicaSet", "a"))}}},
			[]brief{{Ref: "ReplicaSet shop/a", Wanted: 1}},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, briefs(c.in)) })
	}
}

func TestTheTemplateOfAControllerThatWasNotReadIsItsYoungestPod(t *testing.T) {
	at := func(p *core.Pod, day int) *core.Pod {
		p.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC))
		p.Spec.Containers = []core.Container{{Name: p.Name}}
		return p
	}
	owner := by("apps/v1", "StatefulSet", "db")
	ns := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	all := Workloads(&Snapshot{Namespaces: []*core.Namespace{ns}, Pods: []*core.Pod{
		at(&core.Pod{ObjectMeta: meta("db-1", owner)}, 2), at(&core.Pod{ObjectMeta: meta("db-0", owner)}, 3),
	}})
	require.Len(t, all, 1)
	assert.Equal(t, "db-0", all[0].Template.Spec.Containers[0].Name)
	assert.Same(t, ns, all[0].Namespace)
	assert.Nil(t, all[0].Meta)
	assert.Equal(t, []string{"db-1", "db-0"}, []string{all[0].Pods[0].Name, all[0].Pods[1].Name}, "oldest first")
}

func TestBarePodsAreThoseWithoutAProxy(t *testing.T) {
	classic := &core.Pod{Spec: core.PodSpec{Containers: []core.Container{{Name: "app"}, {Name: ProxyContainer, Image: "proxyv2:1.29.1"}}}}
	native := &core.Pod{Spec: core.PodSpec{InitContainers: []core.Container{{Name: ProxyContainer}}, Containers: []core.Container{{Name: "app"}}}}
	bare := &core.Pod{Spec: core.PodSpec{Containers: []core.Container{{Name: "app"}}}}
	w := &Workload{Pods: []*core.Pod{classic, bare, native}}
	assert.Equal(t, []*core.Pod{bare}, w.Bare())
	assert.Equal(t, "1.29.1", ProxyVersion(&classic.Spec))
	assert.Empty(t, ProxyVersion(&bare.Spec))
}
