package checks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestNamespaceStepsSetWhatIsMissingAndTakeAwayWhatIsThere(t *testing.T) {
	ns := func(labels map[string]string) *core.Namespace {
		return &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: labels}}
	}
	in := edit{labels: map[string]string{"istio-injection": "enabled", "istio.io/rev": drop, "istio_injection": drop}}
	for name, c := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"no labels":      {nil, "kubectl label namespace shop istio-injection=enabled"},
		"a wrong value":  {map[string]string{"istio-injection": "true"}, "kubectl label namespace shop istio-injection=enabled --overwrite"},
		"a wrong key":    {map[string]string{"istio_injection": "enabled"}, "kubectl label namespace shop istio-injection=enabled istio_injection-"},
		"the other key":  {map[string]string{"istio.io/rev": "x"}, "kubectl label namespace shop istio-injection=enabled istio.io/rev-"},
		"already so":     {map[string]string{"istio-injection": "enabled"}, "kubectl label namespace shop istio-injection=enabled"},
		"wrong and more": {map[string]string{"istio-injection": "on", "istio.io/rev": "x"}, "kubectl label namespace shop istio-injection=enabled istio.io/rev- --overwrite"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, []diagnose.Step{{Kind: diagnose.StepLabel, Run: c.want}}, in.namespaceSteps(ns(c.labels)))
		})
	}
	assert.Empty(t, edit{labels: map[string]string{"istio.io/rev": drop}}.namespaceSteps(ns(nil)))
	assert.Equal(t, []diagnose.Step{{Kind: diagnose.StepAnnotate, Run: "kubectl annotate namespace shop istio-injection-"}},
		edit{annotations: map[string]string{"istio-injection": drop}}.namespaceSteps(&core.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: "shop", Annotations: map[string]string{"istio-injection": "enabled"},
		}}))
}

func TestEditedLeavesTheOldLabelsAlone(t *testing.T) {
	old := map[string]string{"a": "1", "b": "2"}
	assert.Equal(t, map[string]string{"a": "3", "c": "4"}, edited(old, map[string]string{"a": "3", "b": drop, "c": "4"}))
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, old)
}

func TestReplacedGivesEachKindItsWay(t *testing.T) {
	workload := func(kind, name string, pods ...string) *mesh.Workload {
		w := &mesh.Workload{Ref: mesh.Ref{APIVersion: "apps/v1", Kind: kind, Namespace: "shop", Name: name}}
		for _, p := range pods {
			w.Pods = append(w.Pods, &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: p}})
		}
		return w
	}
	p := &diagnose.Pass{Snapshot: &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Everything}}}}
	var runs []string
	for _, s := range replaced(p, []*mesh.Workload{
		workload("Deployment", "web", "web-1"), workload("Deployment", "idle"), workload("ReplicaSet", "set", "set-1", "set-2"),
		workload("Rollout", "canary", "canary-1"), workload("Pod", "solo", "solo"), workload("CronJob", "report"),
	}) {
		runs = append(runs, s.Run)
	}
	assert.Equal(t, []string{
		"kubectl -n shop rollout restart deployment/web",
		"kubectl -n shop delete pod set-1 set-2",
		"kubectl -n shop delete pod canary-1",
		"kubectl -n shop get pod solo -o yaml | kubectl -n shop replace --force -f -",
	}, runs)
}

func TestTemplateStepsSayWhatAJobNeeds(t *testing.T) {
	p := &diagnose.Pass{Snapshot: &mesh.Snapshot{}}
	job := &mesh.Workload{Ref: mesh.RefTo(mesh.Jobs, "shop", "load")}
	steps := optIn().templateSteps(p, job)
	assert.Equal(t, []diagnose.Step{{Kind: diagnose.StepManual, Say: `change the manifest of Job shop/load: give the pod the label sidecar.istio.io/inject: "true"; ` +
		"then delete it and create it again, since a Job that exists cannot be injected (whoever owns it)"}}, steps)
}
