package route

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"istio.io/istio/pilot/pkg/model"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

const (
	anyHost     = "reviews.shop.svc.cluster.local"
	anyGateways = "gateway/shop/public"
)

// chance draws meshes and intents.
type chance struct{ *rand.Rand }

func (c chance) of(n int) bool { return c.IntN(n) == 0 }

func pick[T any](c chance, of ...T) T { return of[c.IntN(len(of))] }

// cluster is a service with pods of up to four versions, and any routing.
func (c chance) cluster() *mesh.Snapshot {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &mesh.Snapshot{Time: now, Read: []mesh.Extent{{Kind: mesh.Everything}}, Config: map[mesh.Kind][]*unstructured.Unstructured{}}
	ports := []core.ServicePort{{Name: "http", Port: 9080}}
	if c.of(4) {
		ports = append(ports, core.ServicePort{Name: "grpc", Port: 9090})
	}
	for i, name := range []string{"reviews", "ratings"} {
		svc := &core.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		svc.Spec.ClusterIP = fmt.Sprintf("10.96.0.%d", i+1)
		svc.Spec.Selector = map[string]string{"app": name}
		svc.Spec.Ports = ports
		s.Services = append(s.Services, svc)
		slice := &discovery.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{discovery.LabelServiceName: name}}}
		for v := 1; v <= 4; v++ {
			for p := range c.IntN(4) {
				pod := &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("%s-v%d-%d", name, v, p), Labels: map[string]string{"app": name, "version": fmt.Sprintf("v%d", v)}}}
				s.Pods = append(s.Pods, pod)
				ready := !c.of(5)
				slice.Endpoints = append(slice.Endpoints, discovery.Endpoint{
					Addresses: []string{fmt.Sprintf("10.%d.%d.%d", i+1, v, p+1)}, Conditions: discovery.EndpointConditions{Ready: &ready},
					TargetRef: &core.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod.Name},
				})
			}
		}
		s.EndpointSlices = append(s.EndpointSlices, slice)
	}
	c.routing(s)
	return s
}

// routing draws DestinationRules and VirtualServices in which every named
// subset is there, and every rule has a name of its own.
func (c chance) routing(s *mesh.Snapshot) {
	add := func(kind mesh.Kind, name string, age int, spec map[string]any) {
		d := newDraft(kind, "shop", name, spec)
		if !c.of(3) {
			d.after.SetLabels(nil)
		}
		d.after.SetResourceVersion("7")
		d.after.SetCreationTimestamp(metav1.Time{Time: s.Time.Add(-time.Duration(age) * time.Hour)})
		s.Config[kind] = append(s.Config[kind], d.after)
	}
	var subsets []string
	if !c.of(4) {
		for v := 1; v <= 4; v++ {
			if !c.of(3) {
				subsets = append(subsets, fmt.Sprintf("v%d", v))
			}
		}
		var list []any
		for _, v := range subsets {
			list = append(list, map[string]any{"name": v, "labels": map[string]any{"version": v}})
		}
		spec := map[string]any{"host": pick(c, "reviews", anyHost)}
		if list != nil {
			spec["subsets"] = list
		}
		if c.of(3) {
			spec["trafficPolicy"] = map[string]any{"loadBalancer": map[string]any{"simple": "LEAST_REQUEST"}}
		}
		add(mesh.DestinationRules, "reviews", 9, spec)
	}
	add(mesh.Gateways, "public", 9, map[string]any{
		"selector": map[string]any{"istio": "ingressgateway"},
		"servers":  []any{map[string]any{"port": map[string]any{"number": int64(80), "name": "http", "protocol": "HTTP"}, "hosts": []any{"*"}}},
	})
	if !c.of(4) {
		add(mesh.VirtualServices, "reviews", 8, map[string]any{"hosts": []any{pick(c, "reviews", anyHost)}, "http": c.rules(subsets, "m", false)})
	}
	if c.of(3) {
		add(mesh.VirtualServices, "public", 7, map[string]any{"hosts": []any{"*"}, "gateways": []any{"public"}, "http": c.rules(subsets, "g", true)})
	}
}

func (c chance) rules(subsets []string, prefix string, port bool) []any {
	var all []any
	for i := range c.IntN(4) {
		rule := c.rule(subsets, fmt.Sprintf("%s%d", prefix, i), port)
		rule["match"] = c.matches()
		all = append(all, rule)
	}
	if len(all) == 0 || !c.of(6) {
		all = append(all, c.rule(subsets, prefix+"-end", port))
	}
	return all
}

func (c chance) matches() []any {
	var all []any
	for range 1 + c.IntN(2) {
		all = append(all, matchOf(c.conditions()))
	}
	return all
}

func (c chance) conditions() []Condition {
	all := []Condition{{What: "header", Key: pick(c, "end-user", "beta"), How: pick(c, "exact", "prefix"), Value: pick(c, "jason", "bob")}}
	if c.of(3) {
		all = append(all, Condition{What: "path", How: pick(c, "exact", "prefix"), Value: pick(c, "/a", "/a/b", "/c")})
	}
	return all
}

// rule sends requests to versions, to all endpoints or also to another service.
func (c chance) rule(subsets []string, name string, port bool) map[string]any {
	raw := map[string]any{"name": name}
	var to []any
	add := func(host, subset string) {
		d := map[string]any{"host": host}
		if subset != "" {
			d["subset"] = subset
		}
		if port {
			d["port"] = map[string]any{"number": int64(9080)}
		}
		e := map[string]any{"destination": d}
		if c.of(5) {
			e["headers"] = map[string]any{"response": map[string]any{"set": map[string]any{"x-from": subset + "."}}}
		}
		to = append(to, e)
	}
	for _, v := range subsets {
		if c.of(2) {
			add(pick(c, "reviews", anyHost), v)
		}
	}
	if len(to) == 0 || c.of(6) {
		add("reviews", "")
	}
	if c.of(8) {
		add("ratings", "")
	}
	for i, e := range to {
		if w := int64(c.IntN(5)); len(to) > 1 {
			if i == 0 {
				w++
			}
			e.(map[string]any)["weight"] = w
		}
	}
	raw["route"] = to
	if c.of(3) {
		raw["timeout"] = pick(c, "1s", "500ms")
	}
	if c.of(4) {
		raw["retries"] = map[string]any{"attempts": int64(c.IntN(3))}
	}
	return raw
}

// intent draws anything that can be wanted.
func (c chance) intent() Intent {
	i := Intent{Namespace: "shop", Service: "reviews", Scope: pick(c, "", meshScope, meshScope, allScopes, anyGateways)}
	version := func() string { return fmt.Sprintf("v%d", 1+c.IntN(4)) }
	percent := float64(pick(c, 0, 1, 5, 20, 50, 99, 100))
	switch c.IntN(16) {
	case 0, 1, 2:
		i.Rule = pick(c, "", "", "m0", "m-end", "all", "#1")
		i.Shift = pick(c,
			&Shift{Set: []Share{{version(), percent}}}, &Shift{To: version()}, &Shift{Equal: true},
			&Shift{Set: []Share{{"v1", percent}, {"v2", 100 - percent}}}, &Shift{Set: []Share{{version(), 0.1}}},
		)
	case 3, 4:
		i.Match = &SetMatch{Conditions: c.conditions(), To: version(), First: c.of(4)}
	case 5:
		i.Match = &SetMatch{Remove: pick(c, "m0", "m1", "g0")}
	case 6, 7:
		i.Fault = &SetFault{Delay: 2 * time.Second, Percent: 50}
		if c.of(2) {
			i.Fault.Conditions = c.conditions()
		}
	case 8:
		i.Fault = &SetFault{Clear: true}
	case 9:
		i.Timeout = pick(c, &Timeout{After: time.Second}, &Timeout{Clear: true})
	case 10:
		i.Retry = pick(c, &Retry{Attempts: 3, PerTry: time.Second}, &Retry{Off: true}, &Retry{Clear: true})
	case 11:
		i.Mirror = pick(c, &SetMirror{To: version(), Percent: 10}, &SetMirror{Clear: true})
	case 12:
		i.Breaker = pick(c, &Breaker{MaxConnections: n(5)}, &Breaker{Version: version(), MaxPending: n(1)}, &Breaker{Clear: true})
	case 13:
		i.Subset = pick(c, &Subset{Auto: true}, &Subset{Add: "canary", Labels: map[string]string{"track": "canary"}})
	case 14:
		i.Subset = &Subset{Remove: version()}
	case 15:
		i.Reset = pick(c, &Reset{}, &Reset{All: true})
	}
	return i
}

const draws = 250

// TestShiftGivesWhatWasAsked reads from what Istio sends that the version has
// its share in the rules meant, and that nothing else changed.
func TestShiftGivesWhatWasAsked(t *testing.T) {
	done := 0
	for seed := range draws {
		c := chance{rand.New(rand.NewPCG(uint64(seed), 1))}
		s := c.cluster()
		percent := pick(c, 0.5, 1, 20, 33, 80, 100)
		i := Intent{Namespace: "shop", Service: "reviews", Scope: meshScope, Shift: &Shift{Set: []Share{{"v2", percent}}}}
		named := c.of(3)
		if named {
			i.Rule = "m0"
		}
		plan, err := New(s, i)
		if err != nil {
			continue
		}
		done++
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			before, after := envoyOf(t, s), envoyOf(t, carriedOut(s, plan.Steps))
			for _, port := range s.Services[0].Spec.Ports {
				assertShift(t, before, after, port.Port, percent, named)
			}
		})
	}
	require.Greater(t, done, draws/3)
}

// assertShift compares a client's routes before and after.
func assertShift(t *testing.T, before, after envoyView, port int32, percent float64, named bool) {
	t.Helper()
	meant := ""
	for _, r := range after.raw(after.client(), anyHost, port) {
		if named != (r.Name == "m0") || !named && r.Name != "m-end" && r.Name != ruleDefault {
			continue
		}
		meant = r.Name
		got, sum := map[string]float64{}, 0.0
		for cluster, share := range sharesOf(r) {
			if strings.HasSuffix(cluster, "|"+anyHost) {
				got[strings.Split(cluster, "|")[2]] += share
			}
			sum += share
		}
		assert.InDelta(t, percent, got["v2"], 1e-6, "of rule %s", r.Name)
		assert.InDelta(t, 100, sum, 1e-6)
	}
	assert.NotEmpty(t, meant, "the rule is sent to proxies")
	old, now := byName(t, before, port), byName(t, after, port)
	for _, all := range []map[string][]string{old, now} {
		delete(all, meant)
		delete(all, ruleDefault) // Istio's own, where there are no rules
	}
	assert.Equal(t, old, now, "other rules")
}

// byName are the routes that a client has for the service, by their rule.
func byName(t *testing.T, v envoyView, port int32) map[string][]string {
	t.Helper()
	p := v.client()
	raw, text := v.raw(p, anyHost, port), v.routes(t, p, anyHost, port)
	all := map[string][]string{}
	for i, r := range raw {
		all[r.Name] = append(all[r.Name], text[i])
	}
	return all
}

// TestTwiceIsOnce does what any verb does once more.
func TestTwiceIsOnce(t *testing.T) {
	done := 0
	for seed := range 20 * draws {
		c := chance{rand.New(rand.NewPCG(uint64(seed), 2))}
		s, i := c.cluster(), c.intent()
		plan, err := New(s, i)
		if err != nil {
			continue
		}
		if len(plan.Steps) > 0 {
			done++
		}
		after := carriedOut(s, plan.Steps)
		again, err := New(after, i)
		if refused := (&RefusedError{}); err != nil && i.Scope == "" && assert.ErrorAs(t, err, &refused) {
			continue // what was not ambiguous has become so
		}
		if !assert.NoError(t, err, "seed %d", seed) {
			continue
		}
		if !assert.Empty(t, again.Steps, "seed %d: %s", seed, intentText(t, i)) {
			t.Log(planText(t, plan, nil), "\n\nTHEN\n", planText(t, again, nil))
			return
		}
	}
	require.Greater(t, done, 5*draws)
}

func intentText(t *testing.T, i Intent) string {
	t.Helper()
	text, err := json.Marshal(i)
	require.NoError(t, err)
	return string(text)
}

// TestEveryPrefixIsWhole carries plans out step by step: at no point does a
// proxy have a route to a cluster that is not there, and after each step the
// proxies have what the plan expects.
func TestEveryPrefixIsWhole(t *testing.T) {
	steps := 0
	for seed := range draws {
		c := chance{rand.New(rand.NewPCG(uint64(seed), 3))}
		s, i := c.cluster(), c.intent()
		plan, err := New(s, i)
		if err != nil {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for k := range len(plan.Steps) + 1 {
				v := envoyOf(t, carriedOut(s, plan.Steps[:k]))
				for _, p := range []*model.Proxy{v.client(), v.gateway()} {
					assertWhole(t, v, p)
				}
				if k == 0 {
					continue
				}
				steps++
				step := plan.Steps[k-1]
				p := v.client()
				if slicesOnlyGateway(step) {
					p = v.gateway()
				}
				lacks := v.lacks(t, p, step.Expect)
				assert.Empty(t, lacks, "%s, step %d: %s", intentText(t, i), k, step)
			}
		})
	}
	require.Greater(t, steps, draws/3)
}

// slicesOnlyGateway reports whether a step is for gateways alone.
func slicesOnlyGateway(s Step) bool {
	if s.Ref.Kind != "VirtualService" {
		return false
	}
	u := s.After
	if u == nil {
		u = s.Before
	}
	spec, _ := u.Object["spec"].(map[string]any)
	return spec["gateways"] != nil
}

// assertWhole checks that every cluster that a route names is there.
func assertWhole(t *testing.T, v envoyView, p *model.Proxy) {
	t.Helper()
	there := map[string]bool{}
	for _, c := range v.cg.Clusters(p) {
		there[c.Name] = true
	}
	for _, rc := range v.cg.Routes(p) {
		for _, vh := range rc.VirtualHosts {
			for _, r := range vh.Routes {
				named := sharesOf(r)
				for _, m := range r.GetRoute().GetRequestMirrorPolicies() {
					named[m.Cluster] = 1
				}
				for name := range named {
					if strings.HasPrefix(name, "outbound|") {
						assert.True(t, there[name], "%s has a route to %s, which is not there", p.Type, name)
					}
				}
			}
		}
	}
}

// lacks says what a proxy does not have of what is expected; empty for nothing.
func (v envoyView) lacks(t *testing.T, p *model.Proxy, e Expect) string {
	t.Helper()
	asks := e.Asks(anyHost)
	if asks == nil {
		return ""
	}
	sections := map[string][]map[string]any{}
	listeners := v.cg.Listeners(p)
	for _, c := range v.cg.Clusters(p) {
		sections["dynamic_active_clusters"] = append(sections["dynamic_active_clusters"], map[string]any{"cluster": envoyJSON(t, c)})
	}
	for _, r := range v.cg.RoutesFromListeners(p, listeners) {
		sections["dynamic_route_configs"] = append(sections["dynamic_route_configs"], map[string]any{"route_config": envoyJSON(t, r)})
	}
	for _, l := range listeners {
		sections["dynamic_listeners"] = append(sections["dynamic_listeners"], map[string]any{"name": l.Name, "active_state": map[string]any{"listener": envoyJSON(t, l)}})
	}
	var answers [][]byte
	for _, path := range asks {
		at, err := url.Parse(path)
		require.NoError(t, err)
		names := at.Query().Get("name_regex")
		var found []map[string]any
		for _, item := range sections[at.Query().Get("resource")] {
			if names == "" || regexp.MustCompile("^(?:"+names+")$").MatchString(envoyName(item)) {
				found = append(found, item)
			}
		}
		text, err := json.Marshal(map[string]any{"configs": found})
		require.NoError(t, err)
		answers = append(answers, text)
	}
	sight, lacks, err := e.Look(anyHost, answers)
	require.NoError(t, err)
	if sight == Lacking {
		return lacks
	}
	return ""
}
