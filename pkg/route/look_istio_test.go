package route

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	serviceregistry "istio.io/istio/pilot/pkg/serviceregistry/kube"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config"
	istiomesh "istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/log"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// TestTablesAreWhatIstioSendsToClients builds, with Istio's own code, the
// routes that the sidecars of each namespace get, and compares them with the
// tables: who wins, the order of rules, clusters and shares.
func TestTablesAreWhatIstioSendsToClients(t *testing.T) {
	quiet(t)
	cases, err := filepath.Glob("testdata/view/*/cluster.yaml")
	require.NoError(t, err)
	compared := 0
	for _, path := range cases {
		name := filepath.Base(filepath.Dir(path))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		refused := []string{"broken-object", "weights-sum-zero", "exported-to-nobody"} // by Istio's validation
		if strings.Contains(string(text), gatewayGroup) || slices.Contains(refused, name) {
			continue
		}
		t.Run(name, func(t *testing.T) { compareWithIstio(t, snapshotOf(t, path), string(text)) })
		compared++
	}
	require.GreaterOrEqual(t, compared, 25)
}

func TestTablesOfTheBookinfoSamples(t *testing.T) {
	quiet(t)
	base := filepath.Join(istioDir(t), "samples/bookinfo")
	samples, err := filepath.Glob(filepath.Join(base, "networking/virtual-service-*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, samples)
	for _, sample := range samples {
		paths := []string{filepath.Join(base, "platform/kube/bookinfo.yaml"), filepath.Join(base, "networking/destination-rule-all.yaml"), sample}
		var all []string
		for _, p := range paths {
			text, err := os.ReadFile(p)
			require.NoError(t, err)
			all = append(all, string(text))
		}
		t.Run(filepath.Base(sample), func(t *testing.T) {
			compareWithIstio(t, snapshotOf(t, paths...), strings.Join(all, "\n---\n"))
		})
	}
}

func quiet(t *testing.T) {
	t.Helper()
	o := log.DefaultOptions()
	o.SetDefaultOutputLevel(log.OverrideScopeName, log.NoneLevel)
	require.NoError(t, log.Configure(o))
}

// compareWithIstio compares every http port of every service, for clients of
// every namespace that is named anywhere, and of one that is not.
func compareWithIstio(t *testing.T, s *mesh.Snapshot, text string, caches ...model.ConfigStoreController) {
	t.Helper()
	clients := map[string]bool{"elsewhere": true, "istio-system": true, "mesh-root": true}
	opts := core.TestOptions{ConfigStoreCaches: caches}
	for _, c := range istioConfigs(t, text) {
		opts.Configs = append(opts.Configs, c)
		clients[c.Namespace] = true
	}
	for _, svc := range s.Services {
		opts.Services = append(opts.Services, serviceregistry.ConvertService(*svc, domain, cluster.ID("Kubernetes"), domain))
		clients[svc.Namespace] = true
	}
	for _, m := range s.ConfigMaps {
		config, err := istiomesh.ApplyMeshConfigDefaults(m.Data["mesh"])
		require.NoError(t, err)
		opts.MeshConfig = config
	}
	for _, extra := range []string{"web", "client", "api", "prod"} {
		clients[extra] = true
	}
	gen := core.NewConfigGenTest(t, opts)
	x := newIndex(s)
	for _, client := range slices.Sorted(maps.Keys(clients)) {
		proxy := gen.SetupProxy(&model.Proxy{ConfigNamespace: client, Metadata: &model.NodeMetadata{Namespace: client}})
		var routes []proto.Message
		for _, r := range gen.Routes(proxy) {
			routes = append(routes, r)
		}
		clusters := map[string]bool{}
		for _, c := range gen.Clusters(proxy) {
			clusters[c.Name] = true
		}
		for _, v := range All(s) {
			for _, p := range v.Ports {
				if !p.http() || v.Headless {
					continue
				}
				sent := sentRoutes(t, routes, v.Host, p.Number)
				assert.Equal(t, sent, tableRoutes(v, client, p), "%s port %d for clients in %s", v.Service, p.Number, client)
				sameVersions(t, x, v, client, clusters, p.Number)
			}
		}
	}
}

// sameVersions compares the subsets that clients of a namespace have.
func sameVersions(t *testing.T, x *index, v *View, client string, clusters map[string]bool, port int32) {
	for _, name := range []string{"v1", "v2", "v3", "v9"} {
		_, have := x.rules.effective(client, v.Service.Namespace, v.Host).subset(name)
		assert.Equal(t, clusters[fmt.Sprintf("outbound|%d|%s|%s", port, name, v.Host)], have, "subset %s of %s for clients in %s", name, v.Host, client)
	}
}

// istioConfigs reads VirtualServices and DestinationRules as istiod does.
func istioConfigs(t *testing.T, text string) []config.Config {
	var all []config.Config
	parsed, _, err := crd.ParseInputs(text)
	require.NoError(t, err)
	for _, c := range parsed {
		if c.GroupVersionKind != gvk.VirtualService && c.GroupVersionKind != gvk.DestinationRule {
			continue
		}
		c.Domain = domain
		if c.Namespace == "" {
			c.Namespace = "default"
		}
		all = append(all, c)
	}
	return all
}

// istioDir is where the Go module of Istio is.
func istioDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
