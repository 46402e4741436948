package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestAProxyRunsWhereItsContainerDoes(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	classic := func(state corev1.ContainerState) *corev1.Pod {
		return &corev1.Pod{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}, {Name: "istio-proxy"}}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.244.0.1", ContainerStatuses: []corev1.ContainerStatus{
				{Name: "app", State: running}, {Name: "istio-proxy", State: state},
			}},
		}
	}
	require.True(t, wantsProxy(classic(running)))
	require.False(t, wantsProxy(classic(waiting)), "a container that waits")

	native := classic(running)
	native.Spec.Containers, native.Spec.InitContainers = native.Spec.Containers[:1], native.Spec.Containers[1:]
	native.Status.ContainerStatuses, native.Status.InitContainerStatuses = native.Status.ContainerStatuses[:1], native.Status.ContainerStatuses[1:]
	require.True(t, wantsProxy(native))

	without := classic(running)
	without.Spec.Containers = without.Spec.Containers[:1]
	require.False(t, wantsProxy(without), "no container of that name")
	pending := classic(running)
	pending.Status.Phase = corev1.PodPending
	require.False(t, wantsProxy(pending))
	deleted := classic(running)
	deleted.DeletionTimestamp = &metav1.Time{}
	require.False(t, wantsProxy(deleted))
}

func TestAProxyAsksTheIstiodOfItsConfig(t *testing.T) {
	for config, want := range map[string]string{
		"":                "istio-system/istiod",
		`PROXY_CONFIG={}`: "istio-system/istiod",
		`PROXY_CONFIG={"discoveryAddress":"istiod-canary.mesh-two.svc:15012"}`: "mesh-two/istiod-canary",
	} {
		namespace, name, err := istiodService([]string{"A=b", config})
		require.NoError(t, err, config)
		require.Equal(t, want, namespace+"/"+name, config)
	}
	_, _, err := istiodService([]string{`PROXY_CONFIG={"discoveryAddress":"istiod.example.com:15012"}`})
	require.EqualError(t, err, `discoveryAddress "istiod.example.com:15012" names no Service`)

	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 15012, TargetPort: intstr.FromInt32(20012)}, {Port: 15010, TargetPort: intstr.FromInt32(20011)}}},
	}
	port, err := plaintextPort(service)
	require.NoError(t, err)
	require.Equal(t, 20011, port)
	service.Spec.Ports = service.Spec.Ports[:1]
	_, err = plaintextPort(service)
	require.EqualError(t, err, "service istio-system/istiod has no port 15010")
}

func TestAProxyHasTheVersionOfItsImage(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy"}}}}
	for image, want := range map[string]string{
		"docker.io/istio/proxyv2:1.28.3": "1.28.3", "registry:5000/proxyv2:1.27.0-distroless": "1.27.0-distroless",
		"registry:5000/proxyv2": istioVersion, "proxyv2:latest": istioVersion,
	} {
		pod.Spec.Containers[0].Image = image
		require.Equal(t, []string{"ISTIO_META_ISTIO_VERSION=" + want, "A=b"}, proxySpecOf(pod, []string{"A=b"}, "").Env, image)
	}
}

func TestSourceKeyChangesWithEveryFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		key, err := sourceKey(dir, "go1.26 linux amd64")
		require.NoError(t, err)
		require.Len(t, key, 16)
		return key
	}
	first := write("go.mod", "module a")
	second := write("main.go", "package main")
	require.NotEqual(t, first, second)
	require.NotEqual(t, second, write("main.go", "package main // other"))
	require.Equal(t, second, write("main.go", "package main"))
}
