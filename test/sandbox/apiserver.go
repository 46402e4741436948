package sandbox

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RestartAPIServer starts kube-apiserver anew with these flags beside the sandbox's own, in the place of those given
// before; without flags it goes back to the sandbox's own. It returns when the server is ready.
func (s *Sandbox) RestartAPIServer(ctx context.Context, flags ...string) error {
	s.stopPart(partAPIServer, 0)
	s.apiServerFlags = flags
	if err := s.startAPIServer(ctx); err != nil {
		return err
	}
	return s.mirrorAPIServer(ctx)
}

// StopAPIServer kills kube-apiserver; RestartAPIServer brings it back.
func (s *Sandbox) StopAPIServer() { s.stopPart(partAPIServer, 0) }

// mirrorPod is the name under which kubeadm's kube-apiserver shows on node-1.
const mirrorPod = "kube-apiserver-node-1"

// mirrorAPIServer shows kube-apiserver as a static pod with the flags it runs with, as a kubeadm cluster does.
func (s *Sandbox) mirrorAPIServer(ctx context.Context) error {
	if !s.options.MirrorAPIServer {
		return nil
	}
	pods := s.client.CoreV1().Pods(metav1.NamespaceSystem)
	now := int64(0)
	err := pods.Delete(ctx, mirrorPod, metav1.DeleteOptions{GracePeriodSeconds: &now})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("mirror pod: %w", err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: mirrorPod, Namespace: metav1.NamespaceSystem,
			Labels:      map[string]string{"component": partAPIServer, "tier": "control-plane"},
			Annotations: map[string]string{corev1.MirrorPodAnnotationKey: "sandbox", "kubernetes.io/config.source": "file"},
		},
		Spec: corev1.PodSpec{
			NodeName: "node-1", HostNetwork: true, PriorityClassName: "system-node-critical",
			Containers: []corev1.Container{{
				Name: partAPIServer, Image: "registry.k8s.io/kube-apiserver:" + kubeVersion,
				Command: append([]string{partAPIServer}, s.apiServerArgs()...),
			}},
		},
	}
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("mirror pod: %w", err)
	}
	return nil
}
