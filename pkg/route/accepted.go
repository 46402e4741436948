package route

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// istioControllers is what the names begin with by which istiod signs the
// status of routes (istio.io/istio 1.29.1, pilot/pkg/features:
// ManagedGatewayController is istio.io/gateway-controller).
const istioControllers = "istio.io/"

// Accepted says whether istiod has taken a route of Gateway API as it is: all
// parents accept it and find what it refers to, for the generation that stands.
// settled is false as long as it has not looked at that yet. lacks says what is
// wrong with one that it has looked at; empty for nothing.
func Accepted(u *unstructured.Unstructured) (settled bool, lacks string) {
	parents, _, _ := unstructured.NestedSlice(u.Object, "status", "parents")
	for _, p := range parents {
		parent, _ := p.(map[string]any)
		if !strings.HasPrefix(text(parent, "controllerName"), istioControllers) {
			continue
		}
		conditions := itemsOf(parent, "conditions")
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			at := slices.IndexFunc(conditions, func(c map[string]any) bool { return text(c, "type") == kind })
			if at < 0 {
				return false, ""
			}
			c := conditions[at]
			if seen, _ := c["observedGeneration"].(int64); seen != u.GetGeneration() {
				return false, ""
			}
			if text(c, "status") != "True" {
				return true, fmt.Sprintf("%s is not taken by istiod: %s is %s: %s (%s)", refOf(u), kind, text(c, "status"), text(c, "message"), text(c, "reason"))
			}
		}
		settled = true
	}
	return settled, ""
}
