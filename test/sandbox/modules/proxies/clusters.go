package main

import (
	"bytes"
	"fmt"
	"net/http"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// clusters answers /clusters, as text or with format=json as JSON. No request ever passes, so that statistics are zero.
func (p *proxy) clusters(w http.ResponseWriter, r *http.Request) {
	all, err := clusterStatuses(p.store.view())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.URL.Query().Get("format") == "json" {
		writeProto(w, all)
		return
	}
	var out bytes.Buffer
	for _, c := range all.ClusterStatuses {
		clusterText(&out, c)
	}
	_, _ = out.WriteTo(w) // the caller has gone: nobody to tell
}

func clusterStatuses(v view) (*admin.Clusters, error) {
	all := &admin.Clusters{}
	for _, r := range v.clusters {
		c := &cluster.Cluster{}
		if err := proto.Unmarshal([]byte(r.content.Value()), c); err != nil {
			return nil, err
		}
		s := &admin.ClusterStatus{
			Name: c.Name, AddedViaApi: true, ObservabilityName: c.Name, CircuitBreakers: c.CircuitBreakers,
			EdsServiceName: c.GetEdsClusterConfig().GetServiceName(),
		}
		if c.AltStatName != "" {
			s.ObservabilityName = c.AltStatName
		}
		packed, err := endpointsOf(v, c)
		if err != nil {
			return nil, err
		}
		if packed != nil {
			load := &endpoint.ClusterLoadAssignment{}
			if err := packed.UnmarshalTo(load); err != nil {
				return nil, err
			}
			s.HostStatuses = hostStatuses(load)
		}
		all.ClusterStatuses = append(all.ClusterStatuses, s)
	}
	return all, nil
}

func hostStatuses(load *endpoint.ClusterLoadAssignment) []*admin.HostStatus {
	var hosts []*admin.HostStatus
	for _, group := range load.Endpoints {
		for _, e := range group.LbEndpoints {
			health := e.HealthStatus
			if health == core.HealthStatus_UNKNOWN {
				health = core.HealthStatus_HEALTHY
			}
			hosts = append(hosts, &admin.HostStatus{
				Address: e.GetEndpoint().GetAddress(), Hostname: e.GetEndpoint().GetHostname(),
				HealthStatus: &admin.HostHealthStatus{EdsHealthStatus: health},
				Weight:       max(1, e.GetLoadBalancingWeight().GetValue()), Priority: group.Priority, Locality: group.Locality,
			})
		}
	}
	return hosts
}

// clusterText is a cluster in Envoy's lines (source/server/admin/clusters_handler.cc, 1.37).
func clusterText(out *bytes.Buffer, c *admin.ClusterStatus) {
	line := func(name string, value any) { fmt.Fprintf(out, "%s::%s::%v\n", c.Name, name, value) }
	line("observability_name", c.ObservabilityName)
	for priority, prefix := range []string{core.RoutingPriority_DEFAULT: "default_priority::", core.RoutingPriority_HIGH: "high_priority::"} {
		limits := &cluster.CircuitBreakers_Thresholds{}
		for _, t := range c.CircuitBreakers.GetThresholds() {
			if t.Priority == core.RoutingPriority(priority) {
				limits = t
			}
		}
		line(prefix+"max_connections", limit(limits.MaxConnections, 1024))
		line(prefix+"max_pending_requests", limit(limits.MaxPendingRequests, 1024))
		line(prefix+"max_requests", limit(limits.MaxRequests, 1024))
		line(prefix+"max_retries", limit(limits.MaxRetries, 3))
	}
	line("added_via_api", c.AddedViaApi)
	if c.EdsServiceName != "" {
		line("eds_service_name", c.EdsServiceName)
	}
	for _, h := range c.HostStatuses {
		hostText(out, c.Name, h)
	}
}

// limit is a circuit breaker's value, or Envoy's own where none is set.
func limit(set *wrapperspb.UInt32Value, otherwise uint32) uint32 {
	if set == nil {
		return otherwise
	}
	return set.Value
}

func hostText(out *bytes.Buffer, cluster string, h *admin.HostStatus) {
	address := h.Address.GetPipe().GetPath()
	if s := h.Address.GetSocketAddress(); s != nil {
		address = fmt.Sprintf("%s:%d", s.Address, s.GetPortValue())
	} else if e := h.Address.GetEnvoyInternalAddress(); e != nil {
		address = fmt.Sprintf("envoy://%s/%s", e.GetServerListenerName(), e.EndpointId)
	}
	line := func(name string, value any) { fmt.Fprintf(out, "%s::%s::%s::%v\n", cluster, address, name, value) }
	for _, counter := range []string{"cx_active", "cx_connect_fail", "cx_total", "rq_active", "rq_error", "rq_success", "rq_timeout", "rq_total"} {
		line(counter, 0)
	}
	line("hostname", h.Hostname)
	flags := "healthy"
	if h.HealthStatus.EdsHealthStatus != core.HealthStatus_HEALTHY {
		flags = "/failed_eds_health"
	}
	line("health_flags", flags)
	line("weight", h.Weight)
	line("region", h.Locality.GetRegion())
	line("zone", h.Locality.GetZone())
	line("sub_zone", h.Locality.GetSubZone())
	line("canary", false)
	line("priority", h.Priority)
	line("success_rate", -1)
	line("local_origin_success_rate", -1)
}
