package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
)

// ignoresCase is the condition that makes a path's case not matter.
const ignoresCase = "ignoring the path's case"

// httpMatch reads one alternative. It is whole when it takes every request, as
// Istio sees it (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/route/route.go: IsCatchAllRoute).
func httpMatch(m *networking.HTTPMatchRequest, namespace string) match {
	got := match{
		port: m.Port, gateways: gatewaysIn(m.Gateways, namespace),
		sourceLabels: m.SourceLabels, sourceNamespace: m.SourceNamespace,
	}
	for _, f := range []struct {
		what string
		m    *networking.StringMatch
	}{{"path", m.Uri}, {"method", m.Method}, {"authority", m.Authority}, {"scheme", m.Scheme}} {
		if how, value, ok := stringMatch(f.m); ok {
			got.conditions = append(got.conditions, Condition{What: f.what, How: how, Value: value})
		}
	}
	for _, f := range []struct {
		what string
		m    map[string]*networking.StringMatch
	}{{"header", m.Headers}, {"without-header", m.WithoutHeaders}, {"query", m.QueryParams}} {
		for _, key := range slices.Sorted(maps.Keys(f.m)) {
			c := Condition{What: f.what, Key: key, How: "present"}
			if how, value, ok := stringMatch(f.m[key]); ok {
				c.How, c.Value = how, value
			}
			got.conditions = append(got.conditions, c)
		}
	}
	got.whole = len(got.conditions) == 0 || len(got.conditions) == 1 && everyPath(got.conditions[0])
	if m.IgnoreUriCase && m.Uri != nil {
		got.conditions = append(got.conditions, Condition{What: "other", Value: ignoresCase})
	}
	return got
}

// everyPath reports whether a condition holds for every request.
func everyPath(c Condition) bool {
	return c.What == "path" && (c.How == "prefix" && c.Value == "/" || c.How == "regex" && c.Value == ".*")
}

// in is the match as the clients of a scope have it, where only is the one port
// that they can use, if there is one; ok is false where it is not for them. A list of gateways makes Istio pass over labels and namespace
// (pilot/pkg/networking/core/route/route.go: sourceMatchHTTP).
func (m match) in(scope string, only int32) (conditions []Condition, ok bool) {
	if len(m.gateways) > 0 && !slices.Contains(m.gateways, scope) {
		return nil, false
	}
	conditions = slices.Clone(m.conditions)
	if m.port != 0 && m.port != uint32(only) {
		conditions = append(conditions, Condition{What: "port", How: "exact", Value: fmt.Sprint(m.port)})
	}
	if len(m.gateways) > 0 {
		return conditions, true
	}
	for _, key := range slices.Sorted(maps.Keys(m.sourceLabels)) {
		conditions = append(conditions, Condition{What: "source-label", Key: key, How: "exact", Value: m.sourceLabels[key]})
	}
	if m.sourceNamespace != "" {
		conditions = append(conditions, Condition{What: "source-namespace", How: "exact", Value: m.sourceNamespace})
	}
	return conditions, true
}

// lives reports whether proxies of a namespace, and of no particular labels,
// get a rule of the entry for a port of the service.
func (e entry) lives(scope, client string, port int32) bool {
	if e.any {
		return true
	}
	return slices.ContainsFunc(e.matches, func(m match) bool {
		if m.port != 0 && m.port != uint32(port) {
			return false
		}
		if len(m.gateways) > 0 {
			return slices.Contains(m.gateways, scope)
		}
		return len(m.sourceLabels) == 0 && (m.sourceNamespace == "" || m.sourceNamespace == client)
	})
}

// implies reports whether a request that meets all of these conditions meets
// those as well.
func implies(these, those []Condition) bool {
	caseless := func(c Condition) bool { return c.What == "other" }
	if slices.ContainsFunc(these, caseless) || slices.ContainsFunc(those, caseless) {
		return slices.Equal(these, those)
	}
	for _, need := range those {
		if everyPath(need) {
			continue
		}
		if !slices.ContainsFunc(these, func(have Condition) bool { return have.implies(need) }) {
			return false
		}
	}
	return true
}

// implies reports whether one condition is as narrow as another.
func (c Condition) implies(need Condition) bool {
	switch {
	case c == need:
		return true
	case c.What != need.What || c.Key != need.Key || c.What == "without-header":
		return false
	case need.How == "present":
		return true
	case need.How == "prefix" && (c.How == "prefix" || c.How == "exact"):
		// Gateway API's prefixes are of whole path elements: /a does not hold
		// /ab. Taken for both APIs, this at most leaves something unsaid.
		rest, ok := strings.CutPrefix(c.Value, need.Value)
		return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(need.Value, "/") || need.What != "path")
	}
	return false
}

// unreachable marks the rules that an earlier one leaves nothing for, among
// those of the same protocol. Istio does not even send what stands after a
// rule that takes everything.
func unreachable(rules []Rule) {
	for i := range rules {
		r := &rules[i]
		for _, before := range rules[:i] {
			if before.Protocol != r.Protocol || r.Unreachable {
				continue
			}
			r.Unreachable = before.takesAll(r)
		}
	}
}

// takesAll reports whether nothing that meets a later rule gets past this one.
func (r Rule) takesAll(later *Rule) bool {
	if len(r.Matches) == 0 {
		return true
	}
	covered := func(conditions []Condition) bool {
		return slices.ContainsFunc(r.Matches, func(m Match) bool { return implies(conditions, m.Conditions) })
	}
	if len(later.Matches) == 0 {
		return covered(nil)
	}
	for _, m := range later.Matches {
		if !covered(m.Conditions) {
			return false
		}
	}
	return true
}

// CatchAll reports whether a rule takes every request that reaches it.
func (r Rule) CatchAll() bool {
	if len(r.Matches) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Matches, func(m Match) bool { return implies(nil, m.Conditions) })
}
