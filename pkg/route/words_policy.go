package route

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// policies lists how connections to the service and to its versions are made,
// as clients in its namespace do it.
func (l *look) policies() {
	m := l.rules.effective(l.service.Namespace, l.service.Namespace, l.view.Host)
	if m == nil {
		return
	}
	add := func(version string, from mesh.Ref, p *networking.TrafficPolicy) {
		if words := policyWords(p); len(words) > 0 {
			l.view.Policies = append(l.view.Policies, Policy{Version: version, From: from, Words: words, Ejects: ejects(p)})
		}
	}
	add("", m.policyFrom, m.policy)
	for _, s := range m.subsets {
		add(s.name, s.from, s.policy)
	}
}

// policyWords says each setting of a traffic policy that is set; 0 is not set
// (istio.io/api networking/v1alpha3, destination_rule.proto).
func policyWords(p *networking.TrafficPolicy) []string {
	if p == nil {
		return nil
	}
	words := settings(p.ConnectionPool, p.OutlierDetection, p.LoadBalancer, p.Tls)
	for _, port := range p.PortLevelSettings {
		at := fmt.Sprintf("port %d: ", port.GetPort().GetNumber())
		for _, w := range settings(port.ConnectionPool, port.OutlierDetection, port.LoadBalancer, port.Tls) {
			words = append(words, at+w)
		}
	}
	if p.Tunnel != nil {
		words = append(words, fmt.Sprintf("tunnel through %s:%d", p.Tunnel.TargetHost, p.Tunnel.TargetPort))
	}
	if p.RetryBudget != nil {
		words = append(words, fmt.Sprintf("retry budget %s", Percent(p.RetryBudget.Percent.GetValue())))
	}
	return words
}

func settings(pool *networking.ConnectionPoolSettings, o *networking.OutlierDetection, lb *networking.LoadBalancerSettings, tls *networking.ClientTLSSettings) []string {
	var words []string
	number := func(name string, n int32) {
		if n != 0 {
			words = append(words, fmt.Sprintf("%s %d", name, n))
		}
	}
	span := func(name string, d *durationpb.Duration) {
		if d != nil {
			words = append(words, fmt.Sprintf("%s %s", name, d.AsDuration()))
		}
	}
	number("maxConnections", pool.GetTcp().GetMaxConnections())
	span("connectTimeout", pool.GetTcp().GetConnectTimeout())
	span("maxConnectionDuration", pool.GetTcp().GetMaxConnectionDuration())
	number("http1MaxPendingRequests", pool.GetHttp().GetHttp1MaxPendingRequests())
	number("http2MaxRequests", pool.GetHttp().GetHttp2MaxRequests())
	number("maxRequestsPerConnection", pool.GetHttp().GetMaxRequestsPerConnection())
	number("maxRetries", pool.GetHttp().GetMaxRetries())
	span("idleTimeout", pool.GetHttp().GetIdleTimeout())
	if o != nil {
		words = append(words, ejection(o))
	}
	if lb != nil {
		words = append(words, balancing(lb)...)
	}
	if tls != nil {
		words = append(words, "TLS "+tls.Mode.String())
	}
	return words
}

// ejection is outlier detection with Envoy's defaults filled in, as the API
// describes them.
func ejection(o *networking.OutlierDetection) string {
	var on []string
	five := uint32(5)
	if o.Consecutive_5XxErrors != nil {
		five = o.Consecutive_5XxErrors.Value
	}
	if five > 0 {
		on = append(on, fmt.Sprintf("%d consecutive 5xx", five))
	}
	if n := o.ConsecutiveGatewayErrors.GetValue(); n > 0 {
		on = append(on, fmt.Sprintf("%d consecutive gateway errors", n))
	}
	if len(on) == 0 {
		return ejectsNothing
	}
	text := "ejects after " + strings.Join(on, " or ")
	if o.Interval != nil {
		text += fmt.Sprintf(" in %s", o.Interval.AsDuration())
	}
	base := "30s"
	if o.BaseEjectionTime != nil {
		base = o.BaseEjectionTime.AsDuration().String()
	}
	return text + fmt.Sprintf(" for %s, at most %d%%", base, maxEjection(o))
}

// ejects is the greatest part of the endpoints that a policy takes out.
func ejects(p *networking.TrafficPolicy) int32 {
	o := p.GetOutlierDetection()
	if o == nil || ejection(o) == ejectsNothing {
		return 0
	}
	return maxEjection(o)
}

const ejectsNothing = "ejects nothing"

// maxEjection is the greatest part of the endpoints that may be taken out, in
// percent.
func maxEjection(o *networking.OutlierDetection) int32 {
	if o.MaxEjectionPercent == 0 {
		return 10
	}
	return o.MaxEjectionPercent
}

func balancing(lb *networking.LoadBalancerSettings) []string {
	var words []string
	switch p := lb.LbPolicy.(type) {
	case *networking.LoadBalancerSettings_Simple:
		if p.Simple != networking.LoadBalancerSettings_UNSPECIFIED {
			words = append(words, "balances "+p.Simple.String())
		}
	case *networking.LoadBalancerSettings_ConsistentHash:
		words = append(words, "balances by a hash of "+hashed(p.ConsistentHash))
	}
	if lb.LocalityLbSetting != nil {
		words = append(words, "prefers localities")
	}
	//lint:ignore SA1019 old objects have it
	if lb.Warmup != nil || lb.WarmupDurationSecs != nil {
		words = append(words, "warms endpoints up")
	}
	return words
}

func hashed(h *networking.LoadBalancerSettings_ConsistentHashLB) string {
	switch k := h.GetHashKey().(type) {
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpHeaderName:
		return "header " + k.HttpHeaderName
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie:
		return "cookie " + k.HttpCookie.GetName()
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpQueryParameterName:
		return "query " + k.HttpQueryParameterName
	case *networking.LoadBalancerSettings_ConsistentHashLB_UseSourceIp:
		return "the source address"
	}
	return "nothing"
}
