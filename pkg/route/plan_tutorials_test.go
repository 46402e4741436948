package route

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// tutorial is a step of Istio's tutorials: the YAML that they apply, and the
// intents that shall come to the same.
type tutorial struct {
	base    []string // clusters of testdata/plan-base
	yaml    []string // of Istio's samples; text where no sample has it
	text    string
	intents []Intent
	client  []string // services whose routes for a client are compared
	policy  []string // clusters that are compared whole
	gateway string   // host whose connections through the gateway are compared
}

func jason() []Condition {
	return []Condition{{What: "header", Key: "end-user", Value: "jason"}}
}

// n is a number that a breaker is set to.
func n(v int64) *int64 { return &v }

func span(d time.Duration) *time.Duration { return &d }

const httpbinBreaker = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin}
spec:
  host: httpbin
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 1}
      http: {http1MaxPendingRequests: 1, maxRequestsPerConnection: 1}
    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100}
`

const httpbinVersions = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin}
spec:
  host: httpbin
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
`

func httpbinRoute(mirror string) string {
	return httpbinVersions + `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin}
spec:
  hosts: [httpbin]
  http:
  - route:
    - destination: {host: httpbin, subset: v1}
      weight: 100
` + mirror
}

func tutorials() map[string]tutorial {
	to := func(service, version string) Intent {
		return Intent{Service: service, Shift: &Shift{To: version}}
	}
	allV1 := []Intent{to("productpage", "v1"), to("reviews", "v1"), to("ratings", "v1"), to("details", "v1")}
	and := func(more ...Intent) []Intent { return append(append([]Intent(nil), allV1...), more...) }
	books := []string{"productpage", "reviews", "ratings", "details"}
	net := "samples/bookinfo/networking/"
	jasonRule := Intent{Service: "reviews", Match: &SetMatch{Conditions: jason(), To: "v2"}}
	return map[string]tutorial{
		"all to v1": {
			base: []string{"bookinfo"}, client: books, intents: allV1,
			yaml: []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml"},
		},
		"jason to v2": {
			base: []string{"bookinfo"}, client: books, intents: and(jasonRule),
			yaml: []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml", net + "virtual-service-reviews-test-v2.yaml"},
		},
		"7 s delay for jason": {
			base: []string{"bookinfo"}, client: books,
			intents: and(jasonRule, Intent{Service: "ratings", Fault: &SetFault{Delay: 7 * time.Second, Percent: 100, Conditions: jason()}}),
			yaml:    []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml", net + "virtual-service-reviews-test-v2.yaml", net + "virtual-service-ratings-test-delay.yaml"},
		},
		"abort 500 for jason": {
			base: []string{"bookinfo"}, client: books,
			intents: and(
				Intent{Service: "ratings", Fault: &SetFault{Delay: 7 * time.Second, Percent: 100, Conditions: jason()}},
				Intent{Service: "ratings", Fault: &SetFault{Abort: "500", Percent: 100, Conditions: jason()}},
			),
			yaml: []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml", net + "virtual-service-ratings-test-abort.yaml"},
		},
		"half to v3": {
			base: []string{"bookinfo"}, client: books,
			intents: and(Intent{Service: "reviews", Shift: &Shift{Set: []Share{{"v1", 50}, {"v3", 50}}}}),
			yaml:    []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml", net + "virtual-service-reviews-50-v3.yaml"},
		},
		"80/20": {
			base: []string{"bookinfo"}, client: books,
			intents: and(Intent{Service: "reviews", Shift: &Shift{Set: []Share{{"v2", 20}}}}),
			yaml:    []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml", net + "virtual-service-reviews-80-20.yaml"},
		},
		"then all to v3": {
			base: []string{"bookinfo"}, client: books,
			intents: and(Intent{Service: "reviews", Shift: &Shift{Set: []Share{{"v1", 50}, {"v3", 50}}}}, to("reviews", "v3")),
			yaml:    []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml", net + "virtual-service-reviews-v3.yaml"},
		},
		"half a second for reviews": {
			base: []string{"bookinfo"}, client: books,
			intents: and(to("reviews", "v2"), Intent{Service: "reviews", Timeout: &Timeout{After: 500 * time.Millisecond}}),
			yaml:    []string{net + "destination-rule-all.yaml", net + "virtual-service-all-v1.yaml"},
			text: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route: [{destination: {host: reviews, subset: v2}}]
    timeout: 0.5s
`,
		},
		"circuit breaker": {
			base: []string{"httpbin"}, client: []string{"httpbin"}, policy: []string{"outbound|8000||httpbin.shop.svc.cluster.local"},
			text: httpbinBreaker,
			intents: []Intent{{Service: "httpbin", Breaker: &Breaker{
				MaxConnections: n(1), MaxPending: n(1), MaxRequestsPerConnection: n(1), Consecutive5xx: n(1),
				Interval: span(time.Second), BaseEjection: span(3 * time.Minute), MaxEjectionPercent: n(100),
			}}},
		},
		"mirror to v2": {
			base: []string{"httpbin"}, client: []string{"httpbin"},
			text:    httpbinRoute("    mirror: {host: httpbin, subset: v2}\n    mirrorPercentage: {value: 100.0}\n"),
			intents: []Intent{to("httpbin", "v1"), {Service: "httpbin", Mirror: &SetMirror{To: "v2", Percent: 100}}},
		},
		"TCP all to v1": {
			base: []string{"tcp-echo"}, gateway: "tcp-echo.shop.svc.cluster.local",
			yaml:    []string{"samples/tcp-echo/tcp-echo-all-v1.yaml"},
			intents: []Intent{{Service: "tcp-echo", TCP: &TCP{Set: []Share{{"v1", 100}}, Gateway: "tcp-echo-gateway", Port: 31400}}},
		},
		"TCP 80/20": {
			base: []string{"tcp-echo"}, gateway: "tcp-echo.shop.svc.cluster.local",
			yaml:    []string{"samples/tcp-echo/tcp-echo-all-v1.yaml", "samples/tcp-echo/tcp-echo-20-v2.yaml"},
			intents: []Intent{{Service: "tcp-echo", TCP: &TCP{Set: []Share{{"v1", 80}, {"v2", 20}}, Gateway: "tcp-echo-gateway", Port: 31400}}},
		},
	}
}

// TestTutorials compares what Istio makes of the tutorials' YAML with what it
// makes of plans: begun with no routing objects, and begun with the tutorial's
// own.
func TestTutorials(t *testing.T) {
	for name, c := range tutorials() {
		t.Run(name, func(t *testing.T) {
			theirs := c.theirs(t, c.yaml)
			want := c.seen(t, theirs)
			for _, begin := range [][]string{nil, c.yaml[:min(len(c.yaml), 2)]} {
				s := c.theirs(t, begin)
				if begin == nil {
					s.Config = map[mesh.Kind][]*unstructured.Unstructured{mesh.Gateways: theirs.Config[mesh.Gateways]}
				}
				for _, i := range c.intents {
					i.Namespace = "shop"
					plan, err := New(s, i)
					require.NoError(t, err)
					for _, check := range plan.Checks {
						assert.NotEqual(t, "error", string(check.Severity), check.Message)
					}
					s = carriedOut(s, plan.Steps)
				}
				assert.Equal(t, want, c.seen(t, s))
			}
		})
	}
}

// theirs is the cluster with what the tutorial applies.
func (c tutorial) theirs(t *testing.T, yaml []string) *mesh.Snapshot {
	t.Helper()
	source, err := istioSource()
	require.NoError(t, err)
	var paths []string
	for _, b := range c.base {
		paths = append(paths, filepath.Join("testdata", "plan-base", b+".yaml"))
	}
	for _, y := range yaml {
		paths = append(paths, filepath.Join(source, y))
	}
	if c.text != "" && len(yaml) == len(c.yaml) {
		path := filepath.Join(t.TempDir(), "tutorial.yaml")
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
		paths = append(paths, path)
	}
	s, problems, err := cluster.ReadFiles(context.Background(), cluster.FileQuery{Paths: paths, Namespace: "shop"})
	require.NoError(t, err)
	require.Empty(t, problems)
	s.Read, s.Gaps = []mesh.Extent{{Kind: mesh.Everything}}, nil
	return s
}

// seen is what proxies get.
func (c tutorial) seen(t *testing.T, s *mesh.Snapshot) map[string]any {
	t.Helper()
	v := envoyOf(t, s)
	got := map[string]any{}
	p := v.client()
	for _, service := range c.client {
		port := int32(9080)
		if service == "httpbin" {
			port = 8000
		}
		got[service] = v.routes(t, p, service+".shop.svc.cluster.local", port)
		require.NotEmpty(t, got[service])
	}
	all := v.clusters(t, p)
	for _, name := range c.policy {
		require.Contains(t, all, name)
		got[name] = all[name]
	}
	if c.gateway != "" {
		tcp := v.tcp(t, v.gateway(), c.gateway)
		require.NotEmpty(t, tcp)
		got["gateway"] = tcp
	}
	return got
}
