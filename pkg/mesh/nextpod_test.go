package mesh_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestNextPodBelongsToWhatItsControllerMakes(t *testing.T) {
	for kind, want := range map[mesh.Kind]struct {
		apiVersion, kind, name string
		labels                 map[string]string
	}{
		mesh.Deployments:  {"apps/v1", "ReplicaSet", "web-5d8f9c7b6d", map[string]string{"app": "web", "pod-template-hash": "5d8f9c7b6d"}},
		mesh.StatefulSets: {"apps/v1", "StatefulSet", "web", map[string]string{"app": "web"}},
		mesh.Jobs:         {"batch/v1", "Job", "web", map[string]string{"app": "web"}},
		mesh.CronJobs:     {"batch/v1", "Job", "web-29551680", map[string]string{"app": "web"}},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := &mesh.Workload{Ref: mesh.RefTo(kind, "shop", "web")}
			w.Template.Labels = map[string]string{"app": "web"}
			w.Template.Spec.Containers = []core.Container{{Name: "app"}}
			yes := true
			require.Equal(t, &core.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "shop", GenerateName: want.name + "-", Labels: want.labels,
					OwnerReferences: []metav1.OwnerReference{{APIVersion: want.apiVersion, Kind: want.kind, Name: want.name, Controller: &yes}},
				},
				Spec: core.PodSpec{Containers: []core.Container{{Name: "app"}}},
			}, w.NextPod())
			require.Equal(t, map[string]string{"app": "web"}, w.Template.Labels, "the workload stays as it is")
		})
	}
}

func TestNextPodOfAPodByItselfIsThatPod(t *testing.T) {
	w := &mesh.Workload{Ref: mesh.RefTo(mesh.Pods, "shop", "web")}
	w.Template.ObjectMeta = metav1.ObjectMeta{Name: "web", Namespace: "shop"}
	require.Equal(t, &core.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}}, w.NextPod())
}

func TestNextPodWhereOnlyAPodWasSeen(t *testing.T) {
	yes := true
	owners := []metav1.OwnerReference{{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "web", Controller: &yes}}
	w := &mesh.Workload{Ref: mesh.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: "shop", Name: "web"}}
	w.Template.ObjectMeta = metav1.ObjectMeta{Name: "web-abcde", GenerateName: "web-", OwnerReferences: owners}
	require.Equal(t, &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", GenerateName: "web-", OwnerReferences: owners}}, w.NextPod())
}
