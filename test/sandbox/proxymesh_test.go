//go:build sandbox

package sandbox

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestProxiesOfTwoNamespacesSeeTheirOwnRoutes(t *testing.T) {
	w := startWorld(t, Options{Proxies: true})
	w.reviews()
	w.namespace("other", "istio-injection=enabled")
	w.kubectl("-n", "other", "create", "deployment", "web", "--image=nginx")
	w.available("other", "web")
	w.split(70, 30, ".")
	require.NoError(t, w.WaitProxies(t.Context()))
	w.seen("in the namespace itself", "v1=70 v2=30", w.dumpOf("shop", w.podOf("shop", "client-a")))
	other := w.dumpOf("other", w.podOf("other", "web"))
	w.seen("where it is not exported to", "outbound|9080||reviews.shop.svc.cluster.local", other)
	w.split(70, 30, "*")
	w.seen("once it is exported", "v1=70 v2=30", other)
}

func TestProxiesFollowPodsServicesAndIstiod(t *testing.T) {
	w := startWorld(t, Options{Proxies: true})
	ctx := t.Context()
	w.reviews()
	w.split(90, 10, "*")
	require.NoError(t, w.WaitProxies(ctx))
	client := w.podOf("shop", "client-a")
	w.seen("at first", "v1=90 v2=10", w.dumpOf("shop", client))

	w.kubectl("-n", "shop", "delete", "virtualservice", "reviews")
	w.kubectl("-n", "shop", "delete", "service", "reviews")
	w.seen("without the service", "", w.dumpOf("shop", client))
	w.applyYAML("{apiVersion: v1, kind: Service, metadata: {name: reviews, namespace: shop}, spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}}")
	w.split(85, 15, "*")
	w.seen("with the service again", "v1=85 v2=15", w.dumpOf("shop", client))
	w.eventually("its endpoints", func(ctx context.Context) (bool, error) {
		content, err := w.ProxyDump(ctx, "shop", client, "resource=dynamic_endpoint_configs&name_regex="+`outbound\|9080\|v2\|reviews.*`)
		return strings.Contains(string(content), "10.244."), err
	})
	require.NoError(t, w.WaitProxies(ctx))

	w.timed("restart istiod", func() error {
		w.kubectl("-n", SystemNamespace, "rollout", "restart", "deployment/istiod")
		w.kubectl("-n", SystemNamespace, "rollout", "status", "deployment/istiod", "--timeout=60s")
		return w.WaitIstiod(ctx, "")
	})
	w.split(75, 25, "*")
	w.seen("through the new istiod", "v1=75 v2=25", w.dumpOf("shop", client))

	w.kubectl("-n", "shop", "scale", "deployment/client-a", "--replicas=3")
	w.kubectl("-n", "shop", "rollout", "status", "deployment/client-a", "--timeout=60s")
	require.NoError(t, w.WaitProxies(ctx))
	all, err := w.ProxyStatuses(ctx)
	require.NoError(t, err)
	require.Len(t, all, 7)
	w.kubectl("-n", "shop", "scale", "deployment/client-a", "--replicas=0")
	w.eventually("the proxies of deleted pods to end", func(ctx context.Context) (bool, error) {
		all, err := w.ProxyStatuses(ctx)
		return len(all) == 4, err
	})

	require.NoError(t, w.Proxies(ctx, false))
	_, err = w.ProxyStatuses(ctx)
	require.ErrorIs(t, err, errNoProxies)
	require.NoError(t, w.Err())
	w.timed("reset", func() error { return w.Reset(ctx) })
	all, err = w.ProxyStatuses(ctx)
	require.NoError(t, err, "on from the start, as the options say")
	require.Len(t, all, 1)
}

func TestProxiesOfGatewaysRevisionsAndClassicSidecars(t *testing.T) {
	w := startWorld(t, Options{Proxies: true})
	ctx := t.Context()
	w.reviews()
	require.NoError(t, w.InstallRevision(ctx, "canary"))
	w.namespace("new", "istio.io/rev=canary")
	w.applyYAML(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: new}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sidecar.istio.io/nativeSidecar: "false"}}
    spec: {containers: [{name: app, image: nginx}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [reviews.example.com]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: public, namespace: shop}
spec:
  hosts: [reviews.example.com]
  gateways: [public]
  http:
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 55}
    - {destination: {host: reviews, subset: v2}, weight: 45}
`)
	web := w.available("new", "web")
	require.NoError(t, w.WaitProxies(ctx))
	container := func(pod string, path string) string {
		return w.kubectl("-n", "new", "get", "pod", pod, "-o", "jsonpath={"+path+"}")
	}
	require.Contains(t, container(web.Name, ".spec.containers[*].name"), "istio-proxy", "classic")
	client := w.podOf("shop", "client-a")
	require.Contains(t, w.kubectl("-n", "shop", "get", "pod", client, "-o", "jsonpath={.spec.initContainers[*].name}"), "istio-proxy", "native")

	statuses, err := w.Istioctl(ctx, "proxy-status", "--revision", "canary")
	require.NoError(t, err)
	require.Regexp(t, web.Name+`\.new .*istiod-canary-`, statuses)

	gateway := w.podOf(SystemNamespace, "istio-ingressgateway")
	w.eventually("the gateway's routes", func(ctx context.Context) (bool, error) {
		out, err := w.Istioctl(ctx, "proxy-config", "routes", gateway+"."+SystemNamespace, "--name", "http.8080", "-o", "json")
		return strings.Contains(out, `"weight": 55`) && strings.Contains(out, "reviews.example.com"), err
	})
	out, err := w.ProxyCommand(ctx, "hold", "shop/client-a")
	require.NoError(t, err)
	require.Empty(t, out)
	out, err = w.ProxyCommand(ctx, "status")
	require.NoError(t, err)
	require.Contains(t, out, "shop/"+client+" connected ready held\n")
}

func TestProxiesOfFiftyPods(t *testing.T) {
	w := startWorld(t, Options{Proxies: true})
	ctx := t.Context()
	w.reviews()
	w.split(90, 10, "*")
	require.NoError(t, w.WaitProxies(ctx))
	t.Logf("memory with 5 pods: %d MB", w.memoryOf(partProxies))
	w.kubectl("-n", "shop", "scale", "deployment/client-a", "--replicas=47")
	w.kubectl("-n", "shop", "rollout", "status", "deployment/client-a", "--timeout=60s")
	w.timed("50 proxies ready", func() error { return w.WaitProxies(ctx) })
	t.Logf("memory with 51 pods: %d MB", w.memoryOf(partProxies))
	pods, err := w.Client().CoreV1().Pods("shop").List(ctx, metav1.ListOptions{LabelSelector: "app=client-a"})
	require.NoError(t, err)
	require.Len(t, pods.Items, 47)
	w.split(10, 90, "*")
	began := time.Now()
	w.eventually("every client to have the new weights", func(ctx context.Context) (bool, error) {
		for _, pod := range pods.Items {
			content, err := w.dumpOf("shop", pod.Name)(ctx)
			if err != nil {
				return false, err
			}
			if shares, err := sharesIn(content); err != nil || shares != "v1=10 v2=90" {
				return false, err
			}
		}
		return true, nil
	})
	t.Logf("all 47 clients: %s", since(began))
	require.Less(t, w.memoryOf(partProxies), 300, "MB")
}
