package checks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestSignsOfIntent(t *testing.T) {
	pod := func(ns string, labels map[string]string, containers ...string) *core.Pod {
		p := &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "p", Labels: labels, Annotations: map[string]string{mesh.StatusAnnotation: "{}"}}}
		for _, c := range containers {
			p.Spec.Containers = append(p.Spec.Containers, core.Container{Name: c, Image: "x:1"})
		}
		return p
	}
	native := pod("native", nil, "app")
	native.Spec.InitContainers = []core.Container{{Name: mesh.ProxyContainer}}
	ended := pod("ended", nil, "app", mesh.ProxyContainer)
	ended.Status.Phase = core.PodSucceeded
	byHand := pod("by-hand", nil, "app", mesh.ProxyContainer)
	byHand.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", Controller: new(bool)}}
	object := func(kind, ns, mode string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"kind": kind, "metadata": map[string]any{"namespace": ns, "name": "o"},
			"spec": map[string]any{"mtls": map[string]any{"mode": mode}},
		}}
	}
	s := &mesh.Snapshot{
		Pods: []*core.Pod{
			pod("sidecar", nil, "app", mesh.ProxyContainer), pod("sidecar", nil, "other", mesh.ProxyContainer), native,
			pod("opted-in", map[string]string{mesh.InjectLabel: "true"}, "app", mesh.ProxyContainer),
			pod("revision", map[string]string{mesh.RevisionLabel: "canary"}, "app", mesh.ProxyContainer),
			pod("gateway", nil, mesh.ProxyContainer), pod("bare", nil, "app"), ended, byHand,
		},
		Config: map[mesh.Kind][]*unstructured.Unstructured{
			mesh.VirtualServices:     {object("VirtualService", "routed", ""), object("VirtualService", "routed", "")},
			mesh.PeerAuthentications: {object("PeerAuthentication", "routed", "STRICT"), object("PeerAuthentication", "off", "DISABLE")},
		},
	}
	hand := &mesh.Workload{Ref: mesh.RefTo(mesh.StatefulSets, "by-hand", "db"), Meta: &metav1.ObjectMeta{}, Template: core.PodTemplateSpec{Spec: byHand.Spec}, Pods: []*core.Pod{byHand}}

	assert.Equal(t, map[string][]string{
		"sidecar": {"pod sidecar/p has a sidecar"},
		"native":  {"pod native/p has a sidecar"},
		"routed":  {"VirtualService routed/o lives there", "PeerAuthentication routed/o lives there"},
	}, signs(&diagnose.Pass{Snapshot: s, Workloads: []*mesh.Workload{hand}}))
}
