package route

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	clusterpb "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	envoy "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tcpproxy "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/kube"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/log"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// istioSource is the folder of Istio's module, whose samples are the tutorials.
var istioSource = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	return strings.TrimSpace(string(out)), err
})

// envoyView is what istiod would send for a snapshot.
type envoyView struct {
	cg *core.ConfigGenTest
}

// muteIstio keeps Istio's log out of the tests' output.
var muteIstio = sync.OnceFunc(func() {
	for _, s := range log.Scopes() {
		s.SetOutputLevel(log.NoneLevel)
	}
})

func envoyOf(t testing.TB, s *mesh.Snapshot) envoyView {
	t.Helper()
	muteIstio()
	var services []*model.Service
	for _, svc := range s.Services {
		services = append(services, kube.ConvertService(*svc, domain, "cluster", domain))
	}
	var configs []config.Config
	for kind, of := range map[mesh.Kind]struct {
		gvk  config.GroupVersionKind
		spec func() config.Spec
	}{
		mesh.VirtualServices:  {gvk.VirtualService, func() config.Spec { return &networking.VirtualService{} }},
		mesh.DestinationRules: {gvk.DestinationRule, func() config.Spec { return &networking.DestinationRule{} }},
		mesh.Gateways:         {gvk.Gateway, func() config.Spec { return &networking.Gateway{} }},
	} {
		for _, u := range s.Config[kind] {
			c := config.Config{Spec: of.spec(), Meta: config.Meta{
				GroupVersionKind: of.gvk, Name: u.GetName(), Namespace: u.GetNamespace(), Domain: domain, CreationTimestamp: u.GetCreationTimestamp().Time,
			}}
			require.NoError(t, unmarshal(u.Object["spec"], c.Spec))
			configs = append(configs, c)
		}
	}
	return envoyView{cg: core.NewConfigGenTest(t, core.TestOptions{Configs: configs, Services: services})}
}

// client is a sidecar of the namespace.
func (v envoyView) client() *model.Proxy {
	labels := map[string]string{"app": "productpage"}
	return v.cg.SetupProxy(&model.Proxy{ConfigNamespace: "shop", Labels: labels, Metadata: &model.NodeMetadata{Namespace: "shop", Labels: labels}})
}

// gateway is a proxy of the ingress gateway.
func (v envoyView) gateway() *model.Proxy {
	labels := map[string]string{"istio": "ingressgateway"}
	return v.cg.SetupProxy(&model.Proxy{Type: model.Router, ConfigNamespace: "shop", Labels: labels, Metadata: &model.NodeMetadata{Namespace: "shop", Labels: labels}})
}

// routes are those of a virtual host at a port, as text; what only names them
// is left out.
func (v envoyView) routes(t testing.TB, p *model.Proxy, host string, port int32) []string {
	t.Helper()
	var all []string
	for _, r := range v.raw(p, host, port) {
		r = proto.Clone(r).(*envoy.Route)
		r.Name, r.Metadata, r.Decorator = "", nil, nil
		single(r)
		text, err := protojson.Marshal(r)
		require.NoError(t, err)
		yaml, err := k8syaml.JSONToYAML(text)
		require.NoError(t, err)
		all = append(all, string(yaml))
	}
	return all
}

// single writes one weighted cluster as what it is: a cluster.
func single(r *envoy.Route) {
	action := r.GetRoute()
	if w := action.GetWeightedClusters(); w != nil && len(w.Clusters) == 1 && w.Clusters[0].RequestHeadersToAdd == nil {
		action.ClusterSpecifier = &envoy.RouteAction_Cluster{Cluster: w.Clusters[0].Name}
	}
}

// raw are the routes of a virtual host at a port.
func (v envoyView) raw(p *model.Proxy, host string, port int32) []*envoy.Route {
	for _, rc := range v.cg.Routes(p) {
		if at := fmt.Sprint(port); rc.Name != at && !strings.HasSuffix(rc.Name, ":"+at) {
			continue
		}
		for _, vh := range rc.VirtualHosts {
			if slices.Contains(vh.Domains, host) {
				return vh.Routes
			}
		}
	}
	return nil
}

// sharesOf are a route's clusters with their shares in percent.
func sharesOf(r *envoy.Route) map[string]float64 {
	got := map[string]float64{}
	action := r.GetRoute()
	w := action.GetWeightedClusters()
	if w == nil {
		got[action.GetCluster()] = 100
		return got
	}
	var total uint32
	for _, c := range w.Clusters {
		total += c.Weight.GetValue()
	}
	for _, c := range w.Clusters {
		got[c.Name] += 100 * float64(c.Weight.GetValue()) / float64(total)
	}
	return got
}

// clusters are the proxy's, by name, as text without what names objects.
func (v envoyView) clusters(t testing.TB, p *model.Proxy) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, c := range v.cg.Clusters(p) {
		c = proto.Clone(c).(*clusterpb.Cluster)
		c.Metadata = nil
		text, err := protojson.Marshal(c)
		require.NoError(t, err)
		yaml, err := k8syaml.JSONToYAML(text)
		require.NoError(t, err)
		got[c.Name] = string(yaml)
	}
	return got
}

// tcp are the shares of the TCP proxies of all listeners that lead to a host.
func (v envoyView) tcp(t testing.TB, p *model.Proxy, host string) []map[string]float64 {
	t.Helper()
	var all []map[string]float64
	for _, l := range v.cg.Listeners(p) {
		for _, chain := range append(slices.Clone(l.FilterChains), l.DefaultFilterChain) {
			for _, f := range chain.GetFilters() {
				if got := filterShares(t, f); got != nil && leadsTo(got, host) {
					all = append(all, got)
				}
			}
		}
	}
	return all
}

func leadsTo(shares map[string]float64, host string) bool {
	for c := range shares {
		if strings.HasSuffix(c, "|"+host) {
			return true
		}
	}
	return false
}

func filterShares(t testing.TB, f *listener.Filter) map[string]float64 {
	t.Helper()
	p := &tcpproxy.TcpProxy{}
	if f.GetTypedConfig().GetTypeUrl() != "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy" {
		return nil
	}
	require.NoError(t, f.GetTypedConfig().UnmarshalTo(p))
	w := p.GetWeightedClusters()
	if w == nil {
		return map[string]float64{p.GetCluster(): 100}
	}
	var total uint32
	for _, c := range w.Clusters {
		total += c.Weight
	}
	got := map[string]float64{}
	for _, c := range w.Clusters {
		got[c.Name] += 100 * float64(c.Weight) / float64(total)
	}
	return got
}
