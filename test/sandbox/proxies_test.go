//go:build sandbox

package sandbox

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProxiesShowWhatIstiodSends(t *testing.T) {
	w := startWorld(t, Options{})
	ctx := t.Context()
	w.reviews()
	require.ErrorIs(t, w.HoldProxy(ctx, "shop", "x"), errNoProxies)
	w.timed("proxies on", func() error { return w.Proxies(ctx, true) })
	w.timed("proxies ready", func() error { return w.WaitProxies(ctx) })
	client := w.podOf("shop", "client-a")
	admin := w.forward("shop", client, 15000)
	forwarded := func(ctx context.Context) ([]byte, error) {
		_, content, err := get(ctx, admin+"/config_dump?resource=dynamic_route_configs&name_regex=9080")
		return content, err
	}
	w.seen("no VirtualService", "outbound|9080||reviews.shop.svc.cluster.local", forwarded)
	w.split(80, 20, "*")
	w.seen("80/20 through kubectl port-forward", "v1=80 v2=20", forwarded)

	routes, err := w.Istioctl(ctx, "proxy-config", "routes", client+".shop", "--name", "9080", "-o", "json")
	require.NoError(t, err)
	require.Contains(t, routes, `"weight": 80`)
	table, err := w.Istioctl(ctx, "proxy-config", "routes", client+".shop")
	require.NoError(t, err)
	t.Log(table)
	require.Contains(t, table, "inbound|")
	for _, kind := range []string{"clusters", "listeners", "endpoints", "bootstrap", "all"} {
		out, err := w.Istioctl(ctx, "proxy-config", kind, client+".shop")
		require.NoError(t, err, kind)
		require.NotEmpty(t, out, kind)
	}
	statuses, err := w.Istioctl(ctx, "proxy-status")
	require.NoError(t, err)
	t.Log(statuses)
	require.Equal(t, 5, strings.Count(statuses, "1.29.1"), "four pods of shop and the gateway: %s", statuses)
	same, err := w.Istioctl(ctx, "proxy-status", client+".shop")
	require.NoError(t, err)
	t.Log(same)
	require.Contains(t, same, "Clusters Match")
	require.Contains(t, same, "Listeners Match")
	require.Contains(t, same, "Routes Match")

	for path, want := range map[string]string{
		"/ready":                      "LIVE\n",
		"/server_info":                `"version": "kubectl-mesh-sandbox/stand-in"`,
		"/clusters":                   "outbound|9080|v2|reviews.shop.svc.cluster.local::added_via_api::true\n",
		"/clusters?format=json":       `"eds_health_status": "HEALTHY"`,
		"/config_dump?include_eds":    "EndpointsConfigDump",
		"/config_dump?mask=bootstrap": `"id": "sidecar~`,
		"/config_dump?resource=dynamic_active_clusters&mask=cluster.name":              `"name": "outbound|9080|v2|reviews.shop.svc.cluster.local"`,
		"/config_dump?resource=dynamic_listeners&mask=name,active_state.listener.name": `"name": "virtualOutbound"`,
		"/config_dump?resource=static_route_configs&mask=route_config.name":            `"name": "InboundPassthroughCluster"`,
	} {
		code, content, err := get(ctx, admin+path)
		require.NoError(t, err, path)
		require.Equal(t, http.StatusOK, code, "%s: %s", path, content)
		require.Contains(t, string(content), want, path)
	}
	_, content, err := get(ctx, admin+"/config_dump?mask=dynamic_route_configs")
	require.NoError(t, err)
	require.Contains(t, string(content), "reviews.shop.svc.cluster.local:9080")
	require.NotContains(t, string(content), "static_route_configs")
	require.NotContains(t, string(content), "ClustersConfigDump")
	for path, want := range map[string]int{"/config_dump?resource=nothing": 404, "/config_dump?resource=bootstrap": 400, "/config_dump?resource=dynamic_listeners&mask=x": 400, "/stats": 404} {
		code, _, err := get(ctx, admin+path)
		require.NoError(t, err, path)
		require.Equal(t, want, code, path)
	}
	code, _, err := get(ctx, w.forward("shop", client, 15021)+"/healthz/ready")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	_, _, err = get(ctx, w.forward("shop", client, 8080)+"/")
	require.Error(t, err, "nothing listens on 8080")
}

func TestProxiesLagHoldRefuseAndFallSilent(t *testing.T) {
	w := startWorld(t, Options{Proxies: true})
	ctx := t.Context()
	w.reviews()
	w.split(100, 0, "*")
	require.NoError(t, w.WaitProxies(ctx))
	a, b := w.podOf("shop", "client-a"), w.podOf("shop", "client-b")
	dumpA, dumpB := w.dumpOf("shop", a), w.dumpOf("shop", b)
	w.seen("a", "v1=100", dumpA)

	require.NoError(t, w.HoldProxy(ctx, "shop", a))
	w.split(80, 20, "*")
	w.seen("b, not held", "v1=80 v2=20", dumpB)
	w.waits("shop", a)
	w.seen("a, held", "v1=100", dumpA)
	require.NoError(t, w.ReleaseProxy(ctx, "shop", a))
	w.seen("a, released", "v1=80 v2=20", dumpA)

	require.NoError(t, w.LagProxy(ctx, "shop", a, 3*time.Second))
	w.split(60, 40, "*")
	w.seen("b, not lagging", "v1=60 v2=40", dumpB)
	w.waits("shop", a)
	w.seen("a, before its lag is over", "v1=80 v2=20", dumpA)
	require.Greater(t, w.seen("a, lagging", "v1=60 v2=40", dumpA), 2*time.Second)
	require.NoError(t, w.ReleaseProxy(ctx, "shop", a))

	require.NoError(t, w.RefuseProxy(ctx, "shop", a))
	w.split(50, 50, "*")
	w.seen("b, not refusing", "v1=50 v2=50", dumpB)
	w.eventually("istiod to know of the NACK", func(ctx context.Context) (bool, error) {
		out, err := w.Istioctl(ctx, "x", "internal-debug", "syncz")
		return strings.Contains(out, `"lastError": "the sandbox was told to refuse this configuration"`), err
	})
	w.seen("a, refusing", "v1=60 v2=40", dumpA)
	require.NoError(t, w.ReleaseProxy(ctx, "shop", a))
	w.split(40, 60, "*")
	w.seen("a, after the next push", "v1=40 v2=60", dumpA)

	require.NoError(t, w.SilenceProxy(ctx, "shop", a))
	admin := w.forward("shop", a, 15000)
	_, _, err := get(ctx, admin+"/ready")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = w.ProxyDump(ctx, "shop", a, "")
	require.NoError(t, err, "the test itself still sees what it has")
	require.NoError(t, w.ReleaseProxy(ctx, "shop", a))
	code, _, err := get(ctx, admin+"/ready")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)

	require.EqualError(t, w.HoldProxy(ctx, "shop", "nobody"), "no proxy runs for pod shop/nobody")
}
