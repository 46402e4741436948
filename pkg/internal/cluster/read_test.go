package cluster

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func injector(namespace string) *admissionv1.MutatingWebhookConfiguration {
	return &admissionv1.MutatingWebhookConfiguration{
		ObjectMeta: named("", "istio-sidecar-injector"),
		Webhooks: []admissionv1.MutatingWebhook{{
			Name:         "namespace.sidecar-injector.istio.io",
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: namespace, Name: "istiod"}},
		}},
	}
}

func demo() []runtime.Object {
	labelled := func(o metav1.ObjectMeta, k, v string) metav1.ObjectMeta {
		o.Labels = map[string]string{k: v}
		return o
	}
	return []runtime.Object{
		&core.Namespace{ObjectMeta: named("", "shop")},
		&core.Namespace{ObjectMeta: named("", "prod")},
		&core.Namespace{ObjectMeta: named("", "mesh-system")},
		&core.Namespace{ObjectMeta: named("", "kube-system")},
		&core.Pod{ObjectMeta: named("shop", "web")},
		&core.Pod{ObjectMeta: named("prod", "web")},
		&core.Pod{ObjectMeta: named("mesh-system", "istiod")},
		&core.Pod{ObjectMeta: labelled(named("kube-system", "kube-apiserver-cp"), "component", "kube-apiserver")},
		&core.Pod{ObjectMeta: named("kube-system", "coredns")},
		&core.ConfigMap{ObjectMeta: named("shop", "app"), Data: map[string]string{"a": "b"}},
		&core.ConfigMap{ObjectMeta: named("shop", "istio-ca-root-cert"), Data: map[string]string{"root-cert.pem": "PEM"}},
		&core.ConfigMap{ObjectMeta: named("prod", "istio-ca-root-cert"), Data: map[string]string{"root-cert.pem": "PEM"}},
		&core.ConfigMap{ObjectMeta: named("mesh-system", "istio"), Data: map[string]string{"mesh": "{}"}},
		&core.ConfigMap{ObjectMeta: named("mesh-system", "grafana"), Data: map[string]string{"a": "b"}},
		&apps.Deployment{ObjectMeta: labelled(named("mesh-system", "istiod"), "app", "istiod")},
		injector("mesh-system"),
	}
}

func TestReadOfEverything(t *testing.T) {
	f := &fakeAPI{objects: demo()}
	s := read(t, f, Query{Source: "test", Now: func() time.Time { return time.Unix(1700000000, 5) }})
	assert.Empty(t, s.Gaps)
	for _, i := range mesh.Kinds() {
		assert.True(t, s.Complete(i.Kind, ""), i.Kind)
		assert.True(t, s.Complete(i.Kind, "shop"), i.Kind)
	}
	assert.Equal(t, []string{"kube-system/coredns", "kube-system/kube-apiserver-cp", "mesh-system/istiod", "prod/web", "shop/web"}, names(s, mesh.Pods))
	assert.Equal(t, []string{"mesh-system/istio", "prod/istio-ca-root-cert", "shop/istio-ca-root-cert"}, names(s, mesh.ConfigMaps))
	assert.Equal(t, "v1.35.4", s.Facts.ServerVersion)
	assert.Equal(t, []string{"v1", "apps/v1"}, s.Facts.APIGroups)
	assert.Equal(t, []string{"MutatingAdmissionWebhook"}, s.Facts.Admission.Plugins)
	assert.Equal(t, time.Unix(1700000000, 0).UTC(), s.Time)
	assert.WithinDuration(t, time.Now(), s.Facts.ServerTime, time.Minute)
	assert.Equal(t, "test", s.Source)
	assert.False(t, s.Files)
}

func TestReadOnlyWhatIsAskedFor(t *testing.T) {
	f := &fakeAPI{objects: demo()}
	s := read(t, f, Query{Kinds: []mesh.Kind{mesh.Pods}, Namespaces: []string{"prod"}})
	assert.Equal(t, []mesh.Extent{{Kind: mesh.Pods, Namespace: "istio-system"}, {Kind: mesh.Pods, Namespace: "prod"}}, s.Read)
	assert.ElementsMatch(t, []string{"/version", "pods prod", "pods istio-system", "pods kube-system"}, f.requests)
}

func TestReadOfOneNamespaceHasItsControlPlane(t *testing.T) {
	f := &fakeAPI{objects: demo()}
	s := read(t, f, Query{Namespaces: []string{"prod"}})
	assert.Equal(t, []string{"kube-system/kube-apiserver-cp", "mesh-system/istiod", "prod/web"}, names(s, mesh.Pods))
	assert.Equal(t, []string{"mesh-system/istio", "prod/istio-ca-root-cert"}, names(s, mesh.ConfigMaps))
	assert.Len(t, s.Namespaces, 4)
	assert.Empty(t, s.Gaps)
	assert.True(t, s.Complete(mesh.Pods, "prod"))
	assert.True(t, s.Complete(mesh.Pods, "mesh-system"))
	assert.True(t, s.Complete(mesh.MutatingWebhooks, ""))
	assert.False(t, s.Complete(mesh.Pods, "shop"), "it was not read")
	assert.False(t, s.Complete(mesh.Pods, "kube-system"), "only the API server's pods were read of it")
	assert.False(t, s.Complete(mesh.Pods, ""))
}

func TestReadWhereWebhooksAreForbiddenFindsIstiodByItsLabel(t *testing.T) {
	f := &fakeAPI{objects: demo(), answer: forbid(func(k mesh.Kind, _ string) bool { return k != mesh.MutatingWebhooks })}
	s := read(t, f, Query{Namespaces: []string{"prod"}})
	assert.Equal(t, []mesh.Gap{{Kind: mesh.MutatingWebhooks, Verb: "list", Reason: "forbidden"}}, s.Gaps)
	assert.True(t, s.Complete(mesh.Services, "mesh-system"))
}

func TestReadTriesEachNamespaceWhereAllAreForbidden(t *testing.T) {
	f := &fakeAPI{objects: demo(), answer: forbid(func(k mesh.Kind, ns string) bool {
		return k == mesh.Namespaces || k == mesh.Pods && (ns == "shop" || ns == "prod")
	})}
	s := read(t, f, Query{Kinds: []mesh.Kind{mesh.Pods, mesh.Services, mesh.Namespaces}})
	assert.Equal(t, []string{"prod/web", "shop/web"}, names(s, mesh.Pods))
	assert.Equal(t, []mesh.Extent{{Kind: mesh.Namespaces}, {Kind: mesh.Pods, Namespace: "prod"}, {Kind: mesh.Pods, Namespace: "shop"}}, s.Read)
	assert.Equal(t, []mesh.Gap{
		{Kind: mesh.Pods, Namespace: "kube-system", Verb: "list", Reason: "forbidden"},
		{Kind: mesh.Pods, Namespace: "mesh-system", Verb: "list", Reason: "forbidden"},
		{Kind: mesh.Services, Verb: "list", Reason: "forbidden"},
	}, s.Gaps)
	assert.True(t, s.Complete(mesh.Pods, "shop"))
	assert.False(t, s.Complete(mesh.Pods, "mesh-system"))
}

func TestReadTriesNotThousandsOfNamespaces(t *testing.T) {
	f := &fakeAPI{answer: forbid(func(k mesh.Kind, _ string) bool { return k == mesh.Namespaces })}
	for n := range maxNamespaces + 1 {
		f.objects = append(f.objects, &core.Namespace{ObjectMeta: named("", fmt.Sprint("n", n))})
	}
	s := read(t, f, Query{Kinds: []mesh.Kind{mesh.Namespaces, mesh.Services}})
	assert.Equal(t, []mesh.Gap{{Kind: mesh.Services, Verb: "list", Reason: "forbidden"}}, s.Gaps)
	assert.False(t, f.asked("services n1"))
}

func TestReadByAUserOfOneNamespace(t *testing.T) {
	f := &fakeAPI{objects: demo()}
	f.answer = func(w http.ResponseWriter, r *http.Request, k mesh.Kind, ns string) bool {
		if strings.HasSuffix(r.URL.Path, "/namespaces/shop") {
			return false
		}
		return forbid(func(_ mesh.Kind, ns string) bool { return ns == "shop" })(w, r, k, ns)
	}
	s := read(t, f, Query{Namespaces: []string{"shop"}, Kinds: []mesh.Kind{mesh.Namespaces, mesh.Pods, mesh.MutatingWebhooks}})
	assert.Equal(t, []string{"shop/web"}, names(s, mesh.Pods))
	assert.Equal(t, []string{"/shop"}, names(s, mesh.Namespaces))
	assert.True(t, s.Complete(mesh.Namespaces, "shop"))
	assert.False(t, s.Complete(mesh.Namespaces, ""))
	assert.Equal(t, []mesh.Gap{
		{Kind: mesh.Namespaces, Verb: "list", Reason: "forbidden"},
		{Kind: mesh.Pods, Namespace: "istio-system", Verb: "list", Reason: "forbidden"},
		{Kind: mesh.Pods, Namespace: "kube-system", Verb: "list", Reason: "forbidden"},
		{Kind: mesh.MutatingWebhooks, Verb: "list", Reason: "forbidden"},
	}, s.Gaps)
}

func TestReadOfKindsThatTheServerDoesNotHave(t *testing.T) {
	f := &fakeAPI{objects: demo(), answer: func(w http.ResponseWriter, _ *http.Request, k mesh.Kind, _ string) bool {
		if !strings.Contains(string(k), ".istio.io") && k != mesh.MutatingWebhooks {
			return false
		}
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
		return true
	}}
	s := read(t, f, Query{})
	assert.True(t, s.Complete(mesh.VirtualServices, ""), "a custom resource that is not installed has no objects")
	assert.Equal(t, []mesh.Gap{{Kind: mesh.MutatingWebhooks, Reason: "not served by this API server"}}, s.Gaps)
}

func TestReadOfCustomResourcesInTheVersionThatIsServed(t *testing.T) {
	var path atomic.Value
	f := &fakeAPI{answer: func(w http.ResponseWriter, r *http.Request, k mesh.Kind, _ string) bool {
		switch k {
		case mesh.APIGroups:
			v := metav1.GroupVersionForDiscovery{GroupVersion: "networking.istio.io/v1beta1", Version: "v1beta1"}
			writeJSON(w, metav1.APIGroupList{Groups: []metav1.APIGroup{{Name: "networking.istio.io", PreferredVersion: v, Versions: []metav1.GroupVersionForDiscovery{v}}}})
			return true
		case mesh.VirtualServices:
			path.Store(r.URL.Path)
		}
		return false
	}}
	read(t, f, Query{Kinds: []mesh.Kind{mesh.VirtualServices}})
	assert.Equal(t, "/apis/networking.istio.io/v1beta1/virtualservices", path.Load())
}

func manyPods(n int) []runtime.Object {
	var objs []runtime.Object
	for i := range n {
		objs = append(objs, &core.Pod{ObjectMeta: named("shop", fmt.Sprintf("p%05d", i))})
	}
	return objs
}

func TestReadInChunks(t *testing.T) {
	var calls, protobuf atomic.Int32
	f := &fakeAPI{objects: manyPods(2*chunk + 3), answer: func(_ http.ResponseWriter, r *http.Request, k mesh.Kind, ns string) bool {
		if k == mesh.Pods && ns == "" {
			calls.Add(1)
			if strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.kubernetes.protobuf,") {
				protobuf.Add(1)
			}
		}
		return false
	}}
	s := read(t, f, Query{Kinds: []mesh.Kind{mesh.Pods}})
	assert.Len(t, s.Pods, 2*chunk+3)
	assert.EqualValues(t, 3, calls.Load())
	assert.EqualValues(t, 3, protobuf.Load())
}

func TestReadStartsAgainWhenTheServerForgotTheList(t *testing.T) {
	var expired atomic.Int32
	f := &fakeAPI{objects: manyPods(2*chunk + 3)}
	f.answer = func(w http.ResponseWriter, r *http.Request, k mesh.Kind, _ string) bool {
		if k != mesh.Pods || r.URL.Query().Get("continue") != fmt.Sprint(2*chunk) {
			return false
		}
		expired.Add(1)
		f.objects = f.objects[1:] // meanwhile the first was deleted
		refuse(w, http.StatusGone, metav1.StatusReasonExpired)
		return true
	}
	s := read(t, f, Query{Kinds: []mesh.Kind{mesh.Pods}})
	assert.Len(t, s.Pods, 2*chunk+2)
	assert.EqualValues(t, 1, expired.Load())
	assert.Empty(t, s.Gaps)
}
