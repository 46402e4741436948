package route

import (
	"fmt"
	"math/rand/v2"
	"time"

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
