package route

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// large is a mesh of services with a VirtualService and a DestinationRule each,
// four to a namespace, four pods to a service.
func large(services int) *mesh.Snapshot {
	s := &mesh.Snapshot{
		Time: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Read: []mesh.Extent{{Kind: mesh.Everything}},
		Config: map[mesh.Kind][]*unstructured.Unstructured{},
	}
	object := func(kind, ns, name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": kind,
			"metadata": map[string]any{"namespace": ns, "name": name}, "spec": spec,
		}}
	}
	for i := range services {
		ns, name := fmt.Sprintf("ns-%d", i/4), fmt.Sprintf("svc-%d", i)
		s.Services = append(s.Services, &core.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
			Spec:       core.ServiceSpec{Selector: map[string]string{"app": name}, Ports: []core.ServicePort{{Name: "http", Port: 80}}},
		})
		for p := range 4 {
			s.Pods = append(s.Pods, &core.Pod{ObjectMeta: metav1.ObjectMeta{
				Namespace: ns, Name: fmt.Sprintf("%s-%d", name, p), Labels: map[string]string{"app": name, "version": fmt.Sprintf("v%d", p%2+1)},
			}})
		}
		to := func(subset string, weight int64) map[string]any {
			return map[string]any{"destination": map[string]any{"host": name, "subset": subset}, "weight": weight}
		}
		s.Config[mesh.VirtualServices] = append(s.Config[mesh.VirtualServices], object("VirtualService", ns, name, map[string]any{
			"hosts": []any{name}, "http": []any{map[string]any{"route": []any{to("v1", 90), to("v2", 10)}}},
		}))
		s.Config[mesh.DestinationRules] = append(s.Config[mesh.DestinationRules], object("DestinationRule", ns, name, map[string]any{
			"host": name, "subsets": []any{
				map[string]any{"name": "v1", "labels": map[string]any{"version": "v1"}},
				map[string]any{"name": "v2", "labels": map[string]any{"version": "v2"}},
			},
		}))
	}
	return s
}

func BenchmarkAll(b *testing.B) {
	for _, services := range []int{800, 8000} {
		s := large(services)
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			for b.Loop() {
				require.Len(b, All(s), services)
			}
		})
	}
}
