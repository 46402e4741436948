package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestNamesOfWorkloads(t *testing.T) {
	cases := map[string]struct {
		args []string
		want []typeName
		err  string
	}{
		"none":                   {},
		"short and plural types": {args: []string{"deploy/web", "PODS/a", "deployments.apps/b"}, want: []typeName{{"deployment", "web"}, {"pod", "a"}, {"deployment", "b"}}},
		"type and names apart":   {args: []string{"sts", "a", "b"}, want: []typeName{{"statefulset", "a"}, {"statefulset", "b"}}},
		"a custom type":          {args: []string{"rollouts/web"}, want: []typeName{{"rollout", "web"}}},
		"a name alone":           {args: []string{"web"}, err: `"web": name a workload as TYPE/NAME, for example deployment/web`},
		"an empty name":          {args: []string{"pod/"}, err: `"pod/" is not TYPE/NAME, for example deployment/web`},
		"both forms":             {args: []string{"pod", "a/b"}, err: `"a/b": use either TYPE NAME or TYPE/NAME`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseNames(c.args)
			if c.err != "" {
				assert.EqualError(t, err, c.err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// shop is a cluster with two deployments, a pod of one of them, and a service
// in front of it.
func shop() *mesh.Snapshot {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "shop", Name: name} }
	web, db := &apps.Deployment{ObjectMeta: meta("web")}, &apps.Deployment{ObjectMeta: meta("db")}
	web.Spec.Template.Labels = map[string]string{"app": "web"}
	db.Spec.Template.Labels = map[string]string{"app": "db"}
	pod := &core.Pod{ObjectMeta: meta("web-7d9-x")}
	pod.Labels = map[string]string{"app": "web", "pod-template-hash": "7d9"}
	yes := true
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-7d9", Controller: &yes}}
	svc := &core.Service{ObjectMeta: meta("front"), Spec: core.ServiceSpec{Selector: map[string]string{"app": "web"}}}
	return &mesh.Snapshot{
		Read:        []mesh.Extent{{Kind: mesh.Everything}},
		Namespaces:  []*core.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}},
		Deployments: []*apps.Deployment{web, db}, Pods: []*core.Pod{pod}, Services: []*core.Service{svc},
	}
}

func TestTargetsFindTheirWorkloads(t *testing.T) {
	selector, err := labels.Parse("app=db")
	require.NoError(t, err)
	nobody, err := labels.Parse("app=wbe")
	require.NoError(t, err)
	cases := map[string]struct {
		target target
		want   []string
		named  bool
		err    string
	}{
		"everything":               {target: target{}, want: []string{"db", "web"}},
		"a namespace":              {target: target{namespace: "shop"}, want: []string{"db", "web"}},
		"a namespace that is not":  {target: target{namespace: "shp"}, err: `namespace "shp" not found`},
		"a namespace by name":      {target: target{namespace: "default", names: []typeName{{"namespace", "shop"}}}, want: []string{"db", "web"}},
		"a deployment":             {target: target{namespace: "shop", names: []typeName{{"deployment", "web"}}}, want: []string{"web"}, named: true},
		"the deployment of a pod":  {target: target{namespace: "shop", names: []typeName{{"pod", "web-7d9-x"}}}, want: []string{"web"}, named: true},
		"behind a service":         {target: target{namespace: "shop", names: []typeName{{"service", "front"}}}, want: []string{"web"}, named: true},
		"by the labels of pods":    {target: target{namespace: "shop", selector: selector}, want: []string{"db"}},
		"labels that no pod has":   {target: target{namespace: "shop", selector: nobody}, err: "no workload that you may see has pods with the labels app=wbe"},
		"a deployment that is not": {target: target{namespace: "shop", names: []typeName{{"deployment", "wbe"}}}, err: `deployment/wbe not found in namespace "shop", or it has no pods and no pod template`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := shop()
			scope, err := c.target.scope(s)
			if c.err != "" {
				assert.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, w := range mesh.Workloads(s) {
				if scope.Has(w.Ref.Namespace) && (scope.Workloads == nil || scope.Workloads(w)) {
					got = append(got, w.Ref.Name)
				}
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.named, scope.Named)
		})
	}
}
