package inject

import (
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/istio/pilot/pkg/model"
	meshconfig "istio.io/istio/pkg/config/mesh"
	istio "istio.io/istio/pkg/kube/inject"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTheBuiltinProxyConfigurationIsNotMergedWithItself(t *testing.T) {
	s, err := Builtin(BuiltinOptions{})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		mesh string
		want bool
	}{
		"as installed":           {s.MeshConfig, true},
		"nothing set":            {"", true},
		"another discovery":      {"defaultConfig: {discoveryAddress: 'istiod-canary.istio-system.svc:15012'}", false},
		"variables of the proxy": {"defaultConfig: {proxyMetadata: {A: b}}", false},
	} {
		t.Run(name, func(t *testing.T) {
			mc, err := meshconfig.ApplyMeshConfigDefaults(c.mesh)
			require.NoError(t, err)
			configs, err := proxyConfigs(nil, mc)
			require.NoError(t, err)
			require.Equal(t, c.want, defaultsOnly(configs, mc))
		})
	}
}

func TestPodsAreTheSameWithAndWithoutMerging(t *testing.T) {
	s, err := Builtin(BuiltinOptions{})
	require.NoError(t, err)
	config, err := istio.UnmarshalConfig([]byte(s.Config))
	require.NoError(t, err)
	mc, err := meshconfig.ApplyMeshConfigDefaults(s.MeshConfig)
	require.NoError(t, err)
	configs, err := proxyConfigs(nil, mc)
	require.NoError(t, err)
	webhook := func(c *model.ProxyConfigs) (func([]byte) ([]byte, error), error) { return s.webhook(&config, mc, c) }
	merging, err := webhook(configs)
	require.NoError(t, err)
	without, err := withoutMerging(webhook, merging)
	require.NoError(t, err)
	for name, annotations := range map[string]map[string]string{
		"no annotations":               nil,
		"a configuration of its own":   {"proxy.istio.io/config": "concurrency: 7\nproxyMetadata: {A: b}"},
		"a broken one":                 {"proxy.istio.io/config": "concurrency: many"},
		"an annotation of another use": {"sidecar.istio.io/proxyCPU": "50m"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &core.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Annotations: annotations},
				Spec:       core.PodSpec{Containers: []core.Container{{Name: "app", Image: "app:1"}}},
			}
			want, err := (&Engine{post: merging}).Inject(pod, "shop")
			require.NoError(t, err)
			got, err := (&Engine{post: without}).Inject(pod, "shop")
			require.NoError(t, err)
			require.Equal(t, want.Pod, got.Pod)
			require.Equal(t, want.Refusal, got.Refusal)
		})
	}
}
