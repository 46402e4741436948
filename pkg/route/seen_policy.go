package route

import (
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// dumpCluster is what of a cluster is looked at.
type dumpCluster struct {
	Name           string `json:"name"`
	ConnectTimeout string `json:"connect_timeout"`
	Breakers       struct {
		Thresholds []struct {
			Connections int64 `json:"max_connections"`
			Pending     int64 `json:"max_pending_requests"`
			Requests    int64 `json:"max_requests"`
			Retries     int64 `json:"max_retries"`
		} `json:"thresholds"`
	} `json:"circuit_breakers"`
	Outliers struct {
		Consecutive5xx int64  `json:"consecutive_5xx"`
		Interval       string `json:"interval"`
		BaseEjection   string `json:"base_ejection_time"`
		MaxEjection    int64  `json:"max_ejection_percent"`
	} `json:"outlier_detection"`
}

// policy is how connections to the cluster are made. Where nothing is bounded,
// Istio sends the largest number (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/cluster_builder.go: getDefaultCircuitBreakerThresholds).
func (c dumpCluster) policy() ExpectPolicy {
	p := ExpectPolicy{
		Cluster: c.Name, ConnectTimeout: dumpDuration(c.ConnectTimeout),
		Consecutive5xx: c.Outliers.Consecutive5xx, MaxEjectionPercent: c.Outliers.MaxEjection,
		Interval: dumpDuration(c.Outliers.Interval), BaseEjection: dumpDuration(c.Outliers.BaseEjection),
	}
	if len(c.Breakers.Thresholds) == 0 {
		return p
	}
	bounded := func(n int64) int64 {
		if n == math.MaxUint32 {
			return 0
		}
		return n
	}
	t := c.Breakers.Thresholds[0]
	p.MaxConnections, p.MaxPending, p.MaxRequests, p.MaxRetries = bounded(t.Connections), bounded(t.Pending), bounded(t.Requests), bounded(t.Retries)
	return p
}

// meets compares what is expected with what is.
func (p ExpectPolicy) meets(is ExpectPolicy) bool {
	if p.ConnectTimeout == 0 {
		is.ConnectTimeout = 0
	}
	return p == is
}

// policies are the connection policies of a DestinationRule as proxies have
// them, for the host and each subset: what a subset says of connections, or of
// outliers, stands for all that the host says of it
// (pilot/pkg/networking/util/util.go: MergeSubsetTrafficPolicy).
func policies(rule *unstructured.Unstructured, namespace string, ports []Port) []ExpectPolicy {
	if rule == nil {
		return nil
	}
	host, _, _ := unstructured.NestedString(rule.Object, "spec", "host")
	host = resolve(host, namespace)
	spec, _ := rule.Object["spec"].(map[string]any)
	common, _ := spec["trafficPolicy"].(map[string]any)
	if common["portLevelSettings"] != nil {
		return nil // each port has its own
	}
	var all []ExpectPolicy
	add := func(version string, own map[string]any) {
		if own["portLevelSettings"] != nil {
			return
		}
		part := func(key string) map[string]any {
			for _, from := range []map[string]any{own, common} {
				if m, ok := from[key].(map[string]any); ok {
					return m
				}
			}
			return nil
		}
		p := policyOf(part("connectionPool"), part("outlierDetection"))
		for _, port := range ports {
			if port.Protocol != "udp" {
				p.Cluster = clusterName(port.Number, version, host)
				all = append(all, p)
			}
		}
	}
	add("", nil)
	for _, s := range itemsOf(spec, "subsets") {
		own, _ := s["trafficPolicy"].(map[string]any)
		add(text(s, "name"), own)
	}
	return all
}

// changedPolicies are those that are other ones than before; one that bounds
// nothing is news only where something was bounded. Of a rule that is gone the
// host's own clusters stay, without bounds.
func changedPolicies(before, after []ExpectPolicy) []ExpectPolicy {
	for _, b := range before {
		gone := !slices.ContainsFunc(after, func(p ExpectPolicy) bool { return p.Cluster == b.Cluster })
		if gone && strings.Contains(b.Cluster, "||") {
			after = append(after, ExpectPolicy{Cluster: b.Cluster})
		}
	}
	return slices.DeleteFunc(after, func(p ExpectPolicy) bool {
		known := slices.ContainsFunc(before, func(b ExpectPolicy) bool { return b.Cluster == p.Cluster })
		return slices.Contains(before, p) || !known && p == ExpectPolicy{Cluster: p.Cluster}
	})
}

func policyOf(pool, outliers map[string]any) ExpectPolicy {
	tcp, _ := pool["tcp"].(map[string]any)
	http, _ := pool["http"].(map[string]any)
	p := ExpectPolicy{
		MaxConnections: whole(tcp["maxConnections"]), ConnectTimeout: durationOf(tcp["connectTimeout"]),
		MaxPending: whole(http["http1MaxPendingRequests"]), MaxRequests: whole(http["http2MaxRequests"]), MaxRetries: whole(http["maxRetries"]),
	}
	if outliers != nil {
		p.Consecutive5xx, p.MaxEjectionPercent = whole(outliers["consecutive5xxErrors"]), whole(outliers["maxEjectionPercent"])
		p.Interval, p.BaseEjection = durationOf(outliers["interval"]), durationOf(outliers["baseEjectionTime"])
	}
	return p
}
