package route

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
)

const reviewsHost = "reviews.shop.svc.cluster.local"

const entryReviews = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.svc.cluster.local]
  addresses: [10.0.0.9]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - {number: 9080, name: http, protocol: HTTP}
  - {number: 9000, name: tcp, protocol: TCP}
  endpoints:
  - {address: 10.1.0.1, labels: {version: v1}}
  - {address: 10.1.0.2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews.shop.svc.cluster.local
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
`

func reviewsRoute(spec string) string {
	return "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews, namespace: shop}\nspec:\n  hosts: [reviews.shop.svc.cluster.local]\n" + spec
}

// proxyOf answers what Envoy would, with what istiod makes of the objects.
func proxyOf(t *testing.T, objects string) func(path string) []byte {
	t.Helper()
	cg := core.NewConfigGenTest(t, core.TestOptions{ConfigString: objects})
	p := cg.SetupProxy(&model.Proxy{ConfigNamespace: "shop", Metadata: &model.NodeMetadata{Namespace: "shop"}})
	sections := map[string][]map[string]any{}
	listeners := cg.Listeners(p)
	for _, c := range cg.Clusters(p) {
		sections["dynamic_active_clusters"] = append(sections["dynamic_active_clusters"], map[string]any{"cluster": envoyJSON(t, c)})
	}
	for _, r := range cg.RoutesFromListeners(p, listeners) {
		sections["dynamic_route_configs"] = append(sections["dynamic_route_configs"], map[string]any{"route_config": envoyJSON(t, r)})
	}
	for _, l := range listeners {
		sections["dynamic_listeners"] = append(sections["dynamic_listeners"], map[string]any{"name": l.Name, "active_state": map[string]any{"listener": envoyJSON(t, l)}})
	}
	return func(path string) []byte {
		at, err := url.Parse(path)
		require.NoError(t, err)
		var found []map[string]any
		names := regexp.MustCompile("^(?:" + at.Query().Get("name_regex") + ")$")
		for _, e := range sections[at.Query().Get("resource")] {
			if at.Query().Get("name_regex") == "" || names.MatchString(envoyName(e)) {
				found = append(found, e)
			}
		}
		text, err := json.Marshal(map[string]any{"configs": found})
		require.NoError(t, err)
		return text
	}
}

func envoyName(e map[string]any) string {
	for _, key := range []string{"cluster", "route_config"} {
		if m, ok := e[key].(map[string]any); ok {
			return m["name"].(string)
		}
	}
	return ""
}

// envoyJSON writes a message as Envoy's admin port does.
func envoyJSON(t *testing.T, m proto.Message) map[string]any {
	t.Helper()
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

func sightOf(t *testing.T, e Expect, ask func(string) []byte) (Sight, string) {
	t.Helper()
	var answers [][]byte
	for _, path := range e.Asks(reviewsHost) {
		answers = append(answers, ask(path))
	}
	s, lacks, err := e.Look(reviewsHost, answers)
	require.NoError(t, err)
	return s, lacks
}

func subsetCluster(version string) string { return "outbound|9080|" + version + "|" + reviewsHost }

func expectRule(rule int, shares map[string]float64) ExpectRoute {
	e := ExpectRoute{Host: reviewsHost, Port: 9080, Object: "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/reviews", Rule: rule}
	if shares != nil {
		e.Clusters = map[string]float64{}
		for v, share := range shares {
			e.Clusters[subsetCluster(v)] = share
		}
	}
	return e
}

const toV1 = `  http:
  - route: [{destination: {host: reviews.shop.svc.cluster.local, subset: v1}}]
`

const jasonThenShared = `  http:
  - name: jason
    match: [{headers: {end-user: {exact: jason}}}, {headers: {end-user: {exact: jane}}}]
    route: [{destination: {host: reviews.shop.svc.cluster.local, subset: v2}}]
  - route:
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v1}, weight: 80}
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v2}, weight: 20}
`

const slowAndMirrored = `  http:
  - timeout: 500ms
    retries: {attempts: 3}
    fault: {delay: {fixedDelay: 7s, percentage: {value: 12.5}}, abort: {httpStatus: 500, percentage: {value: 100}}}
    mirror: {host: reviews.shop.svc.cluster.local, subset: v2}
    mirrorPercentage: {value: 10}
    route: [{destination: {host: reviews.shop.svc.cluster.local, subset: v1}}]
`

func TestWhatProxiesHave(t *testing.T) {
	only := func(routes ...ExpectRoute) Expect { return Expect{Routes: routes} }
	acted := func(a ExpectAction) Expect {
		r := expectRule(0, map[string]float64{"v1": 100})
		r.Action = &a
		return only(r)
	}
	slow := ExpectAction{
		Timeout: 500 * time.Millisecond, Attempts: 3, Delay: 7 * time.Second, DelayPercent: 12.5, Abort: "500", AbortPercent: 100,
		Mirrors: map[string]float64{subsetCluster("v2"): 10},
	}
	slower, unmirrored := slow, slow
	slower.Timeout, unmirrored.Mirrors = time.Second, nil
	maybe := expectRule(1, map[string]float64{"v9": 100})
	maybe.Maybe = true
	for name, c := range map[string]struct {
		route  string
		expect Expect
		want   Sight
	}{
		"the clusters are there":                  {toV1, Expect{Clusters: []string{subsetCluster("v1"), subsetCluster("v2")}}, Met},
		"a cluster is not there yet":              {toV1, Expect{Clusters: []string{subsetCluster("v3")}}, Lacking},
		"a cluster is gone":                       {toV1, Expect{Gone: []string{subsetCluster("v3")}}, Met},
		"a cluster is not gone yet":               {toV1, Expect{Gone: []string{subsetCluster("v2")}}, Lacking},
		"no route uses the cluster":               {toV1, Expect{Unused: []string{subsetCluster("v2")}}, Met},
		"a route uses the cluster":                {jasonThenShared, Expect{Unused: []string{subsetCluster("v2")}}, Lacking},
		"a mirror uses the cluster":               {slowAndMirrored, Expect{Unused: []string{subsetCluster("v2")}}, Lacking},
		"one rule to one version":                 {toV1, only(expectRule(0, map[string]float64{"v1": 100})), Met},
		"one rule to another version":             {toV1, only(expectRule(0, map[string]float64{"v2": 100})), Lacking},
		"versions without a share do not count":   {toV1, only(expectRule(0, map[string]float64{"v1": 100, "v2": 0})), Met},
		"the second rule's shares":                {jasonThenShared, only(expectRule(1, map[string]float64{"v1": 80, "v2": 20})), Met},
		"the second rule's shares are others":     {jasonThenShared, only(expectRule(1, map[string]float64{"v1": 70, "v2": 30})), Lacking},
		"all rules":                               {jasonThenShared, only(expectRule(1, map[string]float64{"v1": 80, "v2": 20}), expectRule(0, map[string]float64{"v2": 100})), Met},
		"the first rule is not there yet":         {toV1, only(expectRule(0, map[string]float64{"v2": 100}), expectRule(1, map[string]float64{"v1": 100})), Lacking},
		"the first rule is not gone yet":          {jasonThenShared, only(expectRule(0, map[string]float64{"v1": 80, "v2": 20})), Lacking},
		"a rule that is for other clients":        {jasonThenShared, only(expectRule(0, map[string]float64{"v2": 100}), maybe, expectRule(2, map[string]float64{"v1": 80, "v2": 20})), Met},
		"the object's routes are not gone yet":    {toV1, only(expectRule(0, nil)), Lacking},
		"what else a route does":                  {slowAndMirrored, acted(slow), Met},
		"another timeout":                         {slowAndMirrored, acted(slower), Lacking},
		"a mirror that is not gone yet":           {slowAndMirrored, acted(unmirrored), Lacking},
		"a route that does nothing else":          {toV1, acted(ExpectAction{Attempts: -1}), Met},
		"a fault that is not there yet":           {toV1, acted(ExpectAction{Attempts: -1, Delay: 7 * time.Second, DelayPercent: 100}), Lacking},
		"a gateway's routes are not a sidecar's":  {toV1, only(ExpectRoute{Host: reviewsHost, Object: "x", Clusters: map[string]float64{"y": 100}}), Elsewhere},
		"a port that the host does not have":      {toV1, only(ExpectRoute{Host: reviewsHost, Port: 1, Object: "x", Clusters: map[string]float64{"y": 100}}), Elsewhere},
		"nothing of the object where it is not":   {"  http:\n  - match: [{sourceLabels: {app: other}}]\n    route: [{destination: {host: reviews.shop.svc.cluster.local, subset: v1}}]\n", only(expectRule(0, nil)), Met},
		"shares with four decimals":               {strings.ReplaceAll(strings.ReplaceAll(jasonThenShared, "weight: 80", "weight: 999"), "weight: 20", "weight: 1"), only(expectRule(1, map[string]float64{"v1": 99.9, "v2": 0.1})), Met},
		"shares that differ in the third decimal": {strings.ReplaceAll(strings.ReplaceAll(jasonThenShared, "weight: 80", "weight: 999"), "weight: 20", "weight: 1"), only(expectRule(1, map[string]float64{"v1": 99.9 - 0.002, "v2": 0.102})), Lacking},
	} {
		t.Run(name, func(t *testing.T) {
			s, lacks := sightOf(t, c.expect, proxyOf(t, entryReviews+reviewsRoute(c.route)))
			assert.Equal(t, c.want, s, lacks)
			assert.Equal(t, c.want == Lacking, lacks != "")
		})
	}
}

func TestConnectionPoliciesOfClusters(t *testing.T) {
	const rule = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews.shop.svc.cluster.local
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 1, connectTimeout: 3s}, http: {http1MaxPendingRequests: 2, maxRetries: 4}}
    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100}
`
	ports := []Port{{Number: 9080, Protocol: "http"}}
	wanted := policies(&unstructured.Unstructured{Object: anObject(t, rule)}, "shop", ports)
	common := ExpectPolicy{
		Cluster: subsetCluster(""), MaxConnections: 1, MaxPending: 2, MaxRetries: 4, ConnectTimeout: 3 * time.Second,
		Consecutive5xx: 1, Interval: time.Second, BaseEjection: 3 * time.Minute, MaxEjectionPercent: 100,
	}
	subset := common
	subset.Cluster, subset.MaxConnections, subset.MaxPending, subset.MaxRetries, subset.ConnectTimeout = subsetCluster("v1"), 7, 0, 0, 0
	assert.Equal(t, []ExpectPolicy{common, subset}, wanted)

	entry, _, _ := strings.Cut(entryReviews, "---")
	with, without := proxyOf(t, entry+"---\n"+rule), proxyOf(t, entryReviews)
	s, lacks := sightOf(t, Expect{Policies: wanted}, with)
	assert.Equal(t, Met, s, lacks)
	s, lacks = sightOf(t, Expect{Policies: wanted}, without)
	assert.Equal(t, Lacking, s, lacks)
	unbounded := []ExpectPolicy{{Cluster: subsetCluster("")}, {Cluster: subsetCluster("v1")}}
	s, lacks = sightOf(t, Expect{Policies: unbounded}, without)
	assert.Equal(t, Met, s, lacks)
	s, lacks = sightOf(t, Expect{Policies: unbounded}, with)
	assert.Equal(t, Lacking, s, lacks)
	assert.Equal(t, unbounded, changedPolicies(wanted, slices.Clone(unbounded)))
	assert.Empty(t, changedPolicies(nil, slices.Clone(unbounded)))
	assert.Empty(t, changedPolicies(wanted, slices.Clone(wanted)))
	assert.Equal(t, unbounded[:1], changedPolicies(wanted, nil), "the rule is gone")
}

func TestTCPProxiesInListeners(t *testing.T) {
	ask := proxyOf(t, entryReviews+reviewsRoute(`  tcp:
  - match: [{port: 9000}]
    route:
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v1, port: {number: 9000}}, weight: 80}
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v2, port: {number: 9000}}, weight: 20}
`))
	expect := func(v1, v2 float64) Expect {
		return Expect{Routes: []ExpectRoute{{
			Host: reviewsHost, Port: 9000, TCP: true, Object: "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/reviews",
			Clusters: map[string]float64{"outbound|9000|v1|" + reviewsHost: v1, "outbound|9000|v2|" + reviewsHost: v2},
		}}}
	}
	s, lacks := sightOf(t, expect(80, 20), ask)
	assert.Equal(t, Met, s, lacks)
	s, lacks = sightOf(t, expect(50, 50), ask)
	assert.Equal(t, Lacking, s, lacks)
	s, lacks = sightOf(t, Expect{Unused: []string{"outbound|9000|v2|" + reviewsHost}}, ask)
	assert.Equal(t, Lacking, s, lacks)
	gateways := expect(50, 50)
	gateways.Routes[0].Port = 0
	s, lacks = sightOf(t, gateways, ask)
	assert.Equal(t, Elsewhere, s, "a gateway's rule is none of a sidecar's: %s", lacks)
}

func TestAProxyWithoutTheHostDoesNotCount(t *testing.T) {
	other := strings.ReplaceAll(entryReviews, "reviews", "ratings")
	s, _ := sightOf(t, Expect{Clusters: []string{subsetCluster("v2")}, Gone: []string{subsetCluster("v1")}}, proxyOf(t, other))
	assert.Equal(t, Elsewhere, s)
}

func TestNothingExpectedIsNothingAsked(t *testing.T) {
	assert.Nil(t, Expect{}.Asks(reviewsHost))
}

func TestAnAnswerThatIsNoDump(t *testing.T) {
	e := Expect{Clusters: []string{subsetCluster("v1")}}
	_, _, err := e.Look(reviewsHost, [][]byte{[]byte("upstream connect error")})
	assert.ErrorContains(t, err, "the proxy's answer is no config dump")
}
