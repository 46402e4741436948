package route

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// delegate puts the rules of delegates in the place of those that name them,
// one level deep, as Istio merges them: what the root does not say is the
// delegate's, and its matches must be part of the root's (istio.io/istio
// 1.29.1, pilot/pkg/model/virtualservice.go: mergeVirtualServicesIfNeeded).
func (x *index) delegate(src *source) {
	if !slices.ContainsFunc(src.entries, func(e entry) bool { return e.delegate != "" }) {
		return
	}
	var all []entry
	for _, root := range src.entries {
		if root.delegate == "" {
			all = append(all, root)
			continue
		}
		to := x.delegates[root.delegate]
		switch {
		case to == nil:
			src.lost = append(src.lost, fmt.Sprintf("%s %s delegates to VirtualService %s, which is not there: the rule has no effect", src.ref, root.rule.Field, root.delegate))
			continue
		case !to.seen.seenFrom(src.namespace):
			src.lost = append(src.lost, fmt.Sprintf("%s %s delegates to VirtualService %s, which is not exported to namespace %s: the rule has no effect", src.ref, root.rule.Field, root.delegate, src.namespace))
			continue
		}
		for _, e := range to.entries {
			merged, ok := mergeDelegate(root, e)
			if !ok {
				src.lost = append(src.lost, fmt.Sprintf("%s of %s has no effect: its match is not part of that of %s %s", e.rule.Field, to.ref, src.ref, root.rule.Field))
				continue
			}
			all = append(all, merged)
		}
	}
	src.entries = all
}

// mergeDelegate is a delegate's rule under its root's.
func mergeDelegate(root, e entry) (entry, bool) {
	if e.rule.Protocol != "http" {
		return e, false
	}
	switch {
	case len(root.matches) == 0:
	case len(e.matches) == 0:
		e.matches, e.any = root.matches, false
	default:
		var matches []match
		for _, leaf := range e.matches {
			found := false
			for _, r := range root.matches {
				if conflicting(r, leaf) {
					continue
				}
				matches = append(matches, mergeMatch(r, leaf))
				found = true
			}
			if !found {
				return e, false
			}
		}
		e.matches = matches
	}
	r := &e.rule
	switch {
	case r.Name == "":
		r.Name = root.rule.Name
	case root.rule.Name != "":
		r.Name = root.rule.Name + "-" + r.Name
	}
	r.Timeout = cmp.Or(r.Timeout, root.rule.Timeout)
	r.Retry = cmp.Or(r.Retry, root.rule.Retry)
	if r.Fault == nil {
		r.Fault = root.rule.Fault
	}
	if r.Mirrors == nil {
		r.Mirrors = root.rule.Mirrors
	}
	r.Other = append(slices.Clone(r.Other), root.rule.Other...)
	return e, true
}

// mergeMatch is a leaf's conditions with those of the root that it does not
// say itself.
func mergeMatch(root, leaf match) match {
	got := leaf
	got.conditions = slices.Clone(leaf.conditions)
	for _, c := range root.conditions {
		if !slices.ContainsFunc(leaf.conditions, func(l Condition) bool { return l.What == c.What && l.Key == c.Key }) {
			got.conditions = append(got.conditions, c)
		}
	}
	got.whole = implies(nil, got.conditions)
	if got.port == 0 {
		got.port = root.port
	}
	got.sourceLabels = maps.Clone(root.sourceLabels)
	if got.sourceLabels == nil {
		got.sourceLabels = map[string]string{}
	}
	maps.Copy(got.sourceLabels, leaf.sourceLabels)
	got.sourceNamespace = cmp.Or(leaf.sourceNamespace, root.sourceNamespace)
	if len(got.gateways) == 0 {
		got.gateways = root.gateways
	}
	return got
}

// conflicting reports whether a leaf's match is no part of its root's.
func conflicting(root, leaf match) bool {
	for _, l := range leaf.conditions {
		for _, r := range root.conditions {
			if l.What == r.What && l.Key == r.Key && conditionsConflict(r, l) {
				return true
			}
		}
	}
	other := func(m match) bool {
		return slices.ContainsFunc(m.conditions, func(c Condition) bool { return c.What == "other" })
	}
	if other(root) != other(leaf) || root.port > 0 && leaf.port > 0 && root.port != leaf.port {
		return true
	}
	if root.sourceNamespace != "" && leaf.sourceNamespace != root.sourceNamespace {
		return true
	}
	for key, value := range leaf.sourceLabels {
		if v, ok := root.sourceLabels[key]; ok && v != value {
			return true
		}
	}
	if len(root.gateways) == 0 || len(leaf.gateways) == 0 {
		return false
	}
	return slices.ContainsFunc(leaf.gateways, func(gw string) bool { return !slices.Contains(root.gateways, gw) })
}

// conditionsConflict is Istio's stringMatchConflict.
func conditionsConflict(root, leaf Condition) bool {
	if root.How == "regex" || leaf.How == "regex" {
		return true
	}
	switch root.How {
	case "exact":
		return leaf.How != "exact" || leaf.Value != root.Value
	case "prefix":
		return !strings.HasPrefix(leaf.Value, root.Value)
	}
	return true
}
