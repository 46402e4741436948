package route

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"istio.io/istio/pilot/pkg/model"
)

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
		assert.Zero(t, got[""], "a share of all endpoints would give the version more than it was to get")
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
				if forGateways(step) {
					p = v.gateway()
				}
				lacks := v.lacks(t, p, step.Expect)
				assert.Empty(t, lacks, "%s, step %d: %s", intentText(t, i), k, step)
			}
		})
	}
	require.Greater(t, steps, draws/3)
}

// forGateways reports whether a step is for gateways alone.
func forGateways(s Step) bool {
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
