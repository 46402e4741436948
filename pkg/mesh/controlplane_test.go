package mesh

import (
	"testing"

	"github.com/stretchr/testify/assert"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func webhook(name, ns string, labels map[string]string) *admissionv1.MutatingWebhookConfiguration {
	w := admissionv1.MutatingWebhook{Name: "namespace." + InjectorSuffix}
	if ns != "" {
		w.ClientConfig.Service = &admissionv1.ServiceReference{Namespace: ns, Name: "istiod"}
	}
	return &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Webhooks: []admissionv1.MutatingWebhook{w}}
}

func istiod(ns, name, rev, image string) *apps.Deployment {
	d := &apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{"app": "istiod"}}}
	if rev != "" {
		d.Labels[RevisionLabel] = rev
	}
	d.Spec.Template.Spec.Containers = []core.Container{{Name: "discovery", Image: image}}
	return d
}

func configMap(ns, name string, data map[string]string) *core.ConfigMap {
	return &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: data}
}

func TestControlPlanes(t *testing.T) {
	stable := istiod("istio-system", "istiod", "", "docker.io/istio/pilot:1.28.3-distroless")
	canary := istiod("mesh-two", "istiod-canary", "canary", "localhost:5000/pilot:1.29.1@sha256:abc")
	tag := webhook("istio-revision-tag-prod", "mesh-two", map[string]string{RevisionLabel: "canary", TagLabel: "prod"})
	base := webhook("istio-sidecar-injector", "istio-system", map[string]string{RevisionLabel: "default"})
	own := webhook("istio-sidecar-injector-canary", "mesh-two", map[string]string{RevisionLabel: "canary"})
	other := &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "cert-manager"}, Webhooks: []admissionv1.MutatingWebhook{{Name: "webhook.cert-manager.io"}}}
	meshDefault := configMap("istio-system", "istio", map[string]string{"mesh": "{}"})
	injDefault := configMap("istio-system", "istio-sidecar-injector", nil)
	injCanary := configMap("mesh-two", "istio-sidecar-injector-canary", nil)
	leader := configMap("istio-system", "istio-leader", nil)
	s := &Snapshot{
		Deployments:      []*apps.Deployment{canary, {ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}, stable},
		MutatingWebhooks: []*admissionv1.MutatingWebhookConfiguration{own, other, tag, base},
		ConfigMaps:       []*core.ConfigMap{leader, injCanary, meshDefault, injDefault},
	}
	got := ControlPlanes(s)
	assert.Equal(t, []*ControlPlane{
		{Revision: "canary", Namespace: "mesh-two", Tags: []string{"prod"}, Deployment: canary,
			Webhooks: []*admissionv1.MutatingWebhookConfiguration{tag, own}, Injector: injCanary},
		{Revision: "default", Namespace: "istio-system", Deployment: stable,
			Webhooks: []*admissionv1.MutatingWebhookConfiguration{base}, Injector: injDefault, Mesh: meshDefault},
	}, got)
	assert.Equal(t, "1.29.1", got[0].Version())
	assert.Equal(t, "1.28.3", got[1].Version())
	assert.Equal(t, []string{"canary", "prod"}, got[0].Names())
	assert.Equal(t, []*admissionv1.MutatingWebhookConfiguration{tag, base, own}, Injectors(s), "in the order the API server calls them")
}

func TestControlPlanesWithPartsMissing(t *testing.T) {
	url := webhook("istio-sidecar-injector", "", nil)
	for name, c := range map[string]struct {
		in   *Snapshot
		want []*ControlPlane
	}{
		"no mesh": {&Snapshot{}, nil},
		"a webhook without an istiod": {
			&Snapshot{MutatingWebhooks: []*admissionv1.MutatingWebhookConfiguration{webhook("w", "istio-system", nil)}},
			[]*ControlPlane{{Revision: "default", Namespace: "istio-system", Webhooks: []*admissionv1.MutatingWebhookConfiguration{webhook("w", "istio-system", nil)}}},
		},
		"a webhook that calls a URL is its revision's": {
			&Snapshot{Deployments: []*apps.Deployment{istiod("istio-system", "istiod", "default", "pilot")}, MutatingWebhooks: []*admissionv1.MutatingWebhookConfiguration{url}},
			[]*ControlPlane{{Revision: "default", Namespace: "istio-system", Deployment: istiod("istio-system", "istiod", "default", "pilot"), Webhooks: []*admissionv1.MutatingWebhookConfiguration{url}}},
		},
		"a webhook that calls a URL, and no istiod here": {
			&Snapshot{MutatingWebhooks: []*admissionv1.MutatingWebhookConfiguration{url}},
			[]*ControlPlane{{Revision: "default", Webhooks: []*admissionv1.MutatingWebhookConfiguration{url}}},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, ControlPlanes(c.in)) })
	}
}

func TestImageVersion(t *testing.T) {
	for image, want := range map[string]string{
		"docker.io/istio/proxyv2:1.29.1":                      "1.29.1",
		"docker.io/istio/proxyv2:1.29.1-distroless":           "1.29.1",
		"localhost:5000/proxyv2":                              "",
		"localhost:5000/proxyv2:1.29.1":                       "1.29.1",
		"localhost:5000/proxyv2:1.29.1-debug@sha256:0123abcd": "1.29.1",
		"registry.example.com/proxyv2@sha256:0123abcd":        "",
		"auto": "",
		"":     "",
	} {
		assert.Equal(t, want, ImageVersion(image), image)
	}
}
