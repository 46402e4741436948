package inject

import (
	"cmp"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Snapshot stands for a cluster that has nothing but a control plane of these
// settings, whose webhook is called for every pod.
func (s Settings) Snapshot() *mesh.Snapshot {
	const place = "istio-system"
	revision, suffix := cmp.Or(s.Revision, "default"), ""
	if revision != "default" {
		suffix = "-" + revision
	}
	hook := admissionv1.MutatingWebhook{
		Name:         mesh.InjectorSuffix,
		ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: place, Name: "istiod" + suffix}},
		Rules: []admissionv1.RuleWithOperations{{
			Operations: []admissionv1.OperationType{admissionv1.Create},
			Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
		}},
	}
	return &mesh.Snapshot{
		Source: "settings",
		Read:   []mesh.Extent{{Kind: mesh.Everything}},
		MutatingWebhooks: []*admissionv1.MutatingWebhookConfiguration{{
			ObjectMeta: metav1.ObjectMeta{Name: "istio-sidecar-injector" + suffix, Labels: map[string]string{mesh.RevisionLabel: revision}},
			Webhooks:   []admissionv1.MutatingWebhook{hook},
		}},
		ConfigMaps: []*core.ConfigMap{
			{ObjectMeta: metav1.ObjectMeta{Name: "istio-sidecar-injector" + suffix, Namespace: place}, Data: map[string]string{"config": s.Config, "values": s.Values}},
			{ObjectMeta: metav1.ObjectMeta{Name: "istio" + suffix, Namespace: place}, Data: map[string]string{"mesh": s.MeshConfig}},
		},
		Nodes:  s.Nodes,
		Config: map[mesh.Kind][]*unstructured.Unstructured{mesh.ProxyConfigs: s.ProxyConfigs},
	}
}

// gate answers with istiod's own reason to leave a pod alone, which istiod
// keeps to itself: its answer is then just empty.
func gate(s Settings) func(pod *core.Pod, namespace string) admission.Istiod {
	d := admission.New(s.Snapshot())
	return func(pod *core.Pod, namespace string) admission.Istiod {
		return d.Decide(&core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, admission.ForPod(pod)).Istiod
	}
}

// code is the stable reason code of istiod's rule.
func code(d admission.Istiod) string {
	switch {
	case d.Rule == admission.PodValue && !d.Inject:
		return "opted-out"
	case d.Rule == admission.NotAsked:
		return "left-alone"
	}
	return string(d.Rule)
}
