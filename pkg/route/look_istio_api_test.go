package route

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	api "sigs.k8s.io/gateway-api/apis/v1"

	"istio.io/istio/pilot/pkg/config/kube/gateway"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/kube/controller"
	"istio.io/istio/pkg/config/schema/gvr"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient/clienttest"
	"istio.io/istio/pkg/kube/krt"
	istiotest "istio.io/istio/pkg/test"
)

// TestTablesOfGatewayAPIAreWhatIstioSendsToClients has Istio's controller of
// Gateway API make routes, beside VirtualServices where there are some.
func TestTablesOfGatewayAPIAreWhatIstioSendsToClients(t *testing.T) {
	quiet(t)
	cases, err := filepath.Glob("testdata/view/*/cluster.yaml")
	require.NoError(t, err)
	compared := 0
	for _, path := range cases {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if !strings.Contains(string(text), gatewayGroup) {
			continue
		}
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			compareWithIstio(t, snapshotOf(t, path), string(text), apiController(t, string(text)))
		})
		compared++
	}
	require.GreaterOrEqual(t, compared, 8)
}

// apiController is Istio's own controller of Gateway API with the objects of a
// file, which makes VirtualServices of routes.
func apiController(t *testing.T, text string) *gateway.Controller {
	t.Helper()
	var objects []runtime.Object
	for _, doc := range strings.Split(text, "\n---\n") {
		if !strings.Contains(doc, "gateway.networking.k8s.io/") && !strings.Contains(doc, "\nkind: Service\n") {
			continue
		}
		o, _, err := kube.IstioCodec.UniversalDeserializer().Decode([]byte(doc), nil, nil)
		require.NoError(t, err)
		withDefaults(o)
		objects = append(objects, o)
	}
	client := kube.NewFakeClient(objects...)
	for _, crd := range []schema.GroupVersionResource{
		gvr.KubernetesGateway, gvr.ReferenceGrant, gvr.XListenerSet, gvr.GatewayClass, gvr.HTTPRoute, gvr.GRPCRoute, gvr.TCPRoute,
		gvr.TLSRoute, gvr.ServiceEntry, gvr.XBackendTrafficPolicy, gvr.BackendTLSPolicy, gvr.InferencePool,
	} {
		clienttest.MakeCRDWithAnnotations(t, client, crd, map[string]string{"gateway.networking.k8s.io/bundle-version": "v1.4.0"})
	}
	stop := istiotest.NewStop(t)
	ready := func(schema.GroupVersionResource, <-chan struct{}) bool { return true }
	c := gateway.NewController(client, ready, controller.Options{DomainSuffix: domain, KrtDebugger: krt.GlobalDebugHandler}, nil)
	client.RunAndWait(stop)
	c.Reconcile(core.NewConfigGenTest(t, core.TestOptions{}).PushContext())
	return c // the control plane of the test starts it
}

// withDefaults fills in what the API server does for a route without a path.
func withDefaults(o runtime.Object) {
	r, ok := o.(*api.HTTPRoute)
	if !ok {
		return
	}
	prefix, root := api.PathMatchPathPrefix, "/"
	for i := range r.Spec.Rules {
		rule := &r.Spec.Rules[i]
		if len(rule.Matches) == 0 {
			rule.Matches = []api.HTTPRouteMatch{{}}
		}
		for j := range rule.Matches {
			if rule.Matches[j].Path == nil {
				rule.Matches[j].Path = &api.HTTPPathMatch{Type: &prefix, Value: &root}
			}
		}
	}
}
