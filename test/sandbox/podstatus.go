package sandbox

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podState is what the kubelet says about a pod, the same for all its containers.
type podState struct {
	waiting, message string // reason of a container that does not run
	ready            bool
	restarts         int32
	exitCode         int32     // of the last run that ended by itself
	ended            time.Time // when that was; zero when none has
}

// write puts a state into the pod's status, unless that is what was written last: a status that somebody patched by
// hand stays until the state changes. A write that fails is tried again in the next round.
func (k *kubelet) write(ctx context.Context, pod *corev1.Pod, state podState) {
	if last, ok := k.written[pod.UID]; ok && last == state {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, kubeletTimeout)
	defer cancel()
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   podStatus(pod, state, k.hostIP, metav1.Now()),
	})
	if err != nil {
		return
	}
	_, err = k.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "kubelet"}, "status")
	if err == nil {
		k.written[pod.UID] = state
	}
}

// podStatus is the status that a kubelet would write for the state.
func podStatus(pod *corev1.Pod, state podState, hostIP string, now metav1.Time) corev1.PodStatus {
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, HostIP: hostIP, PodIP: hostIP,
		HostIPs: []corev1.HostIP{{IP: hostIP}}, PodIPs: []corev1.PodIP{{IP: hostIP}}, StartTime: pod.Status.StartTime,
		Conditions: []corev1.PodCondition{{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: now}},
	}
	if status.StartTime == nil {
		status.StartTime = &now
	}
	// A pod that never ran is pending; one that waits to be restarted is running.
	if state.waiting != "" && state.restarts == 0 {
		status.Phase = corev1.PodPending
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.ContainersReady} {
		condition := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now}
		if !state.ready {
			condition.Status, condition.Reason = corev1.ConditionFalse, "ContainersNotReady"
			condition.Message = "containers with unready status: [" + discoveryContainer(pod).Name + "]"
		}
		status.Conditions = append(status.Conditions, condition)
	}
	for _, c := range pod.Spec.Containers {
		started := state.waiting == ""
		cs := corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Ready: state.ready, RestartCount: state.restarts, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		}
		if state.waiting != "" {
			cs.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: state.waiting, Message: state.message}}
		}
		if !state.ended.IsZero() {
			cs.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: state.exitCode, Reason: "Error", FinishedAt: metav1.NewTime(state.ended),
			}
			if state.exitCode == 0 {
				cs.LastTerminationState.Terminated.Reason = "Completed"
			}
		}
		status.ContainerStatuses = append(status.ContainerStatuses, cs)
	}
	return status
}
