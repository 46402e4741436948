package route

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The limits of a route of Gateway API (sigs.k8s.io/gateway-api v1.4.0,
// apis/v1: HTTPRouteSpec, HTTPRouteRule, BackendRef).
const (
	maxRules    = 16
	maxMatches  = 64
	maxBackends = 16
	maxWeight   = 1_000_000
)

// withinLimits checks what Gateway API's schema asks of a route, and that no
// rule answers all requests with 500 because no backend has a weight.
func (d *draft) withinLimits() error {
	if !d.routes() || d.kind == mesh.VirtualServices {
		return nil
	}
	rules := d.items("rules")
	switch {
	case len(rules) == 0:
		return fmt.Errorf("it has no rule")
	case len(rules) > maxRules:
		return fmt.Errorf("it has %d rules, and at most %d are allowed: write another route for some of them", len(rules), maxRules)
	}
	for i, raw := range rules {
		backends := itemsOf(raw, "backendRefs")
		if n := len(itemsOf(raw, "matches")); n > maxMatches {
			return fmt.Errorf("%s has %d matches, and at most %d are allowed", ruleField(i), n, maxMatches)
		}
		if len(backends) > maxBackends {
			return fmt.Errorf("%s has %d backends, and at most %d are allowed", ruleField(i), len(backends), maxBackends)
		}
		for _, e := range backends {
			if w := whole(e["weight"]); w < 0 || w > maxWeight {
				return fmt.Errorf("%s has a weight of %d, and 0 to %d are allowed", ruleField(i), w, maxWeight)
			}
		}
	}
	return nil
}
