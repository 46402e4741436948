package sandbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPortsAreReadFromIstiodsArguments(t *testing.T) {
	want := istiodPorts{http: 1, grpc: 2, secureGRPC: 3, webhook: 4, monitoring: 5}
	args := append([]string{"discovery", "--monitoringAddr", ":5", "--domain", "cluster.local"}, want.args()...)
	require.Equal(t, want, portsOf(&corev1.Container{Args: args}))
	require.Equal(t, defaultIstiodPorts(), portsOf(&corev1.Container{Args: []string{"discovery", "--httpAddr", "--httpsAddr=nonsense"}}))
}

func TestImagesThatTheSandboxPlays(t *testing.T) {
	for image, want := range map[string]bool{
		"docker.io/istio/pilot:1.29.1":                  true,
		"registry.example.com:5000/a/pilot:1.28.3":      true,
		"docker.io/istio/pilot:1.29.1-distroless":       true,
		"docker.io/istio/pilot:1.99.9":                  false,
		"docker.io/istio/pilot:does-not-exist":          false,
		"docker.io/istio/pilot":                         false,
		"docker.io/istio/proxyv2:1.29.1":                false,
		"does-not-exist.example.com/istio/pilot:1.29.1": false,
	} {
		require.Equal(t, want, canPull(image), image)
	}
}

func TestStatusOfAnIstiodPod(t *testing.T) {
	now := metav1.Now()
	pod := testPod()
	running := podStatus(pod, podState{ready: true}, "192.0.2.7", now)
	require.Equal(t, corev1.PodRunning, running.Phase)
	require.Equal(t, "192.0.2.7", running.PodIP)
	require.Equal(t, map[corev1.PodConditionType]corev1.ConditionStatus{
		corev1.PodInitialized: corev1.ConditionTrue, corev1.PodReady: corev1.ConditionTrue, corev1.ContainersReady: corev1.ConditionTrue,
	}, conditions(running))
	require.NotNil(t, running.ContainerStatuses[0].State.Running)

	pulling := podStatus(pod, podState{waiting: "ImagePullBackOff", message: "m"}, "192.0.2.7", now)
	require.Equal(t, corev1.PodPending, pulling.Phase)
	require.Equal(t, &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "m"}, pulling.ContainerStatuses[0].State.Waiting)

	crashed := podStatus(pod, podState{waiting: "CrashLoopBackOff", restarts: 2}, "192.0.2.7", now)
	require.Equal(t, corev1.PodRunning, crashed.Phase)
	require.Equal(t, corev1.ConditionFalse, conditions(crashed)[corev1.PodReady])
	require.EqualValues(t, 2, crashed.ContainerStatuses[0].RestartCount)
	require.Nil(t, crashed.ContainerStatuses[0].LastTerminationState.Terminated)

	ended := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	failed := podStatus(pod, podState{waiting: "CrashLoopBackOff", restarts: 2, exitCode: 255, ended: ended}, "192.0.2.7", now)
	require.Equal(t, &corev1.ContainerStateTerminated{ExitCode: 255, Reason: "Error", FinishedAt: metav1.NewTime(ended)},
		failed.ContainerStatuses[0].LastTerminationState.Terminated)
}

func conditions(s corev1.PodStatus) map[corev1.PodConditionType]corev1.ConditionStatus {
	found := map[corev1.PodConditionType]corev1.ConditionStatus{}
	for _, c := range s.Conditions {
		found[c.Type] = c.Status
	}
	return found
}
