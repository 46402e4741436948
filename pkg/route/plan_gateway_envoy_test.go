package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	envoy "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	k8syaml "sigs.k8s.io/yaml"

	istiocore "istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/kube"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// TestShiftUnderGatewayAPIGivesWhatWasAsked reads it from what Istio sends for
// the routes, after every step: the version has its share in the rule meant, no
// other rule changed, and no route leads to a cluster that is not there.
func TestShiftUnderGatewayAPIGivesWhatWasAsked(t *testing.T) {
	done := 0
	for seed := range 30 {
		c := chance{rand.New(rand.NewPCG(uint64(seed), 4))}
		s := c.gatewayCluster()
		percent := pick(c, 0.1, 1, 20, 33, 80, 100)
		i := Intent{Namespace: "shop", Service: "reviews", API: Gateway, Shift: &Shift{Set: []Share{{"v2", percent}}}}
		special := c.of(3)
		if special {
			i.Rule = "special"
		}
		plan, err := New(s, i)
		if err != nil {
			continue
		}
		done++
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			before := gatewayRoutes(envoyOfGateway(t, s))
			var after envoyView
			for k := range len(plan.Steps) + 1 {
				after = envoyOfGateway(t, carriedOut(s, plan.Steps[:k]))
				assertWhole(t, after, after.client())
			}
			now := gatewayRoutes(after)
			meant := now[special]
			require.NotNil(t, meant, "the rule is sent to proxies")
			assert.InDelta(t, percent, sharesOf(meant)["outbound|9080||reviews-v2.shop.svc.cluster.local"], 1e-6)
			if other, was := now[!special], before[!special]; was != nil {
				assert.Equal(t, sharesOf(was), sharesOf(other), "the other rule")
			}
		})
	}
	require.Greater(t, done, 10)
}

// gatewayRoutes are a client's routes for the service: the one for special
// requests, and the one for all others.
func gatewayRoutes(v envoyView) map[bool]*envoy.Route {
	all := map[bool]*envoy.Route{}
	for _, r := range v.raw(v.client(), anyHost, 9080) {
		all[len(r.GetMatch().GetHeaders()) > 0] = r
	}
	return all
}

// gatewayCluster is a service with pods of four versions, Services for some of
// them, and perhaps a route.
func (c chance) gatewayCluster() *mesh.Snapshot {
	s := c.cluster()
	s.Config = map[mesh.Kind][]*unstructured.Unstructured{}
	for i := range s.Services {
		s.Services[i].Spec.Ports = s.Services[i].Spec.Ports[:1]
	}
	var backends []any
	for v := 1; v <= 4; v++ {
		name := fmt.Sprintf("reviews-v%d", v)
		if c.of(3) {
			continue
		}
		svc := &core.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		svc.Spec.ClusterIP = fmt.Sprintf("10.96.1.%d", v)
		svc.Spec.Selector = map[string]string{"app": "reviews", "version": fmt.Sprintf("v%d", v)}
		svc.Spec.Ports = []core.ServicePort{{Name: "http", Port: 9080}}
		s.Services = append(s.Services, svc)
		s.EndpointSlices = append(s.EndpointSlices, &discovery.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{discovery.LabelServiceName: name}},
		})
		backends = append(backends, map[string]any{"name": name, "port": int64(9080), "weight": int64(1 + c.IntN(5))})
	}
	if len(backends) == 0 || c.of(4) {
		return s
	}
	rule := func(name string, headers ...any) map[string]any {
		match := map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}
		if len(headers) > 0 {
			match["headers"] = headers
		}
		return map[string]any{"name": name, "matches": []any{match}, "backendRefs": backends[:1+c.IntN(len(backends))]}
	}
	d := newDraft(mesh.HTTPRoutes, "shop", "reviews", map[string]any{
		"parentRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "reviews", "port": int64(9080)}},
		"rules": []any{
			rule("special", map[string]any{"type": "Exact", "name": "end-user", "value": "jason"}),
			rule(ruleDefault),
		},
	})
	d.after.SetResourceVersion("7")
	s.Config[mesh.HTTPRoutes] = []*unstructured.Unstructured{d.after}
	return s
}

// envoyOfGateway is what istiod would send for a snapshot's routes of Gateway
// API.
func envoyOfGateway(t *testing.T, s *mesh.Snapshot) envoyView {
	t.Helper()
	muteIstio()
	var docs []string
	add := func(o any) {
		text, err := k8syaml.Marshal(o)
		require.NoError(t, err)
		docs = append(docs, string(text))
	}
	opts := istiocore.TestOptions{}
	for _, svc := range s.Services {
		typed := svc.DeepCopy()
		typed.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}
		add(typed)
		opts.Services = append(opts.Services, kube.ConvertService(*svc, domain, "cluster", domain))
	}
	for _, u := range s.Config[mesh.HTTPRoutes] {
		add(u.Object)
	}
	opts.ConfigStoreCaches = append(opts.ConfigStoreCaches, apiController(t, "\n"+strings.Join(docs, "\n---\n")))
	return envoyView{cg: istiocore.NewConfigGenTest(t, opts)}
}
