package route

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// defaultEjection is maxEjectionPercent where none is written (istio.io/api
// networking/v1 destination_rule.proto).
const defaultEjection = 10

// policies looks at what a breaker of the plan can do.
func (v *verdict) policies() {
	b := v.intent.Breaker
	if b == nil || b.Clear {
		return
	}
	for _, d := range v.changed {
		if d.kind != mesh.DestinationRules || d.after == nil {
			continue
		}
		on := b.Version
		if v.api == Gateway {
			on = "" // of the version's own Service
		}
		holder := v.policyHolder(d, on)
		if holder == nil {
			continue
		}
		policy, _ := holder["trafficPolicy"].(map[string]any)
		v.ejection(d, b.Version, policy)
		v.limits(d, policy)
		if b.Version != "" && !v.routed(b.Version) {
			v.add("subset-policy-inactive", diagnose.Warning, d.ref, "", "the limits of version %s have no effect yet: they hold for requests that a rule sends to %s, and none does", b.Version, b.Version)
		}
	}
}

// ejection says where no endpoint can ever be taken out: Envoy ejects one only
// while the part of those that are out stays within the percentage
// (envoyproxy/envoy#27909).
func (v *verdict) ejection(d *draft, version string, policy map[string]any) {
	eject, ok := policy["outlierDetection"].(map[string]any)
	if !ok {
		return
	}
	percent := int64(defaultEjection)
	if n, ok := eject["maxEjectionPercent"]; ok {
		percent = whole(n)
	}
	ready := v.view.Ready
	if version != "" {
		ready = -1
		for _, o := range v.plan.After.Versions {
			if o.Name == version {
				ready = o.Ready
			}
		}
	}
	if ready > 0 && int64(ready)*percent/100 == 0 {
		v.add("ejection-never-possible", diagnose.Warning, d.ref, "", "no endpoint can ever be taken out: %d%% of %s is less than one; set maxEjectionPercent to at least %d", percent, plural(ready, "endpoint"), (100+ready-1)/ready)
	}
}

// limits says whom a limit is for.
func (v *verdict) limits(d *draft, policy map[string]any) {
	if policy["connectionPool"] == nil {
		return
	}
	proxies := 0
	for _, p := range v.snapshot.Pods {
		if mesh.InMesh(p) && !mesh.Done(p) {
			proxies++
		}
	}
	seen := ""
	if proxies > 0 {
		seen = fmt.Sprintf(" (%s seen)", plural(proxies, "pod")+" with a proxy")
	}
	v.add("breaker-per-client", diagnose.Info, d.ref, "", "the limits hold for each client's proxy by itself, not for the service as a whole%s", seen)
}

// routed reports whether a rule sends requests to a version.
func (v *verdict) routed(version string) bool {
	for _, t := range v.plan.After.Tables {
		for _, r := range t.Rules {
			if !t.Loses && slices.ContainsFunc(r.To, func(d Destination) bool {
				return v.ours(d) && d.Version == version && d.Share > 0
			}) {
				return true
			}
		}
	}
	return false
}
