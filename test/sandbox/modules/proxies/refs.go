package main

import (
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// clusterRefs is the name of the endpoints that a cluster needs.
func clusterRefs(c *cluster.Cluster) []string {
	if c.GetType() != cluster.Cluster_EDS {
		return nil
	}
	if name := c.GetEdsClusterConfig().GetServiceName(); name != "" {
		return []string{name}
	}
	return []string{c.Name}
}

// listenerRefs are the names of the routes that a listener needs.
func listenerRefs(l *listener.Listener) []string {
	var names []string
	for _, h := range httpFilters(l) {
		if name := h.GetRds().GetRouteConfigName(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// inlineRoutes are the routes that stand in a listener itself.
func inlineRoutes(l *listener.Listener) []*route.RouteConfiguration {
	var routes []*route.RouteConfiguration
	for _, h := range httpFilters(l) {
		if r := h.GetRouteConfig(); r != nil {
			routes = append(routes, r)
		}
	}
	return routes
}

func httpFilters(l *listener.Listener) []*hcm.HttpConnectionManager {
	chains := l.FilterChains
	if l.DefaultFilterChain != nil {
		chains = append(chains[:len(chains):len(chains)], l.DefaultFilterChain)
	}
	var found []*hcm.HttpConnectionManager
	for _, chain := range chains {
		for _, f := range chain.Filters {
			h := &hcm.HttpConnectionManager{}
			if f.GetTypedConfig().MessageIs(h) && f.GetTypedConfig().UnmarshalTo(h) == nil {
				found = append(found, h)
			}
		}
	}
	return found
}
