package main

import (
	"regexp"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func wanted(names *regexp.Regexp, name string) bool { return names == nil || names.MatchString(name) }

func clustersDump(v view, names *regexp.Regexp) *admin.ClustersConfigDump {
	dump := &admin.ClustersConfigDump{VersionInfo: v.versions[typeCluster]}
	entry := func(r resource) *admin.ClustersConfigDump_DynamicCluster {
		return &admin.ClustersConfigDump_DynamicCluster{VersionInfo: r.version, Cluster: r.any(typeCluster), LastUpdated: timestamppb.New(r.updated)}
	}
	for _, r := range v.clusters {
		if wanted(names, r.name) {
			dump.DynamicActiveClusters = append(dump.DynamicActiveClusters, entry(r))
		}
	}
	for _, r := range v.warmingClusters {
		if wanted(names, r.name) {
			dump.DynamicWarmingClusters = append(dump.DynamicWarmingClusters, entry(r))
		}
	}
	return dump
}

func listenersDump(v view, names *regexp.Regexp) *admin.ListenersConfigDump {
	dump := &admin.ListenersConfigDump{VersionInfo: v.versions[typeListener]}
	state := func(r resource) *admin.ListenersConfigDump_DynamicListenerState {
		return &admin.ListenersConfigDump_DynamicListenerState{VersionInfo: r.version, Listener: r.any(typeListener), LastUpdated: timestamppb.New(r.updated)}
	}
	for _, r := range v.listeners {
		if wanted(names, r.name) {
			dump.DynamicListeners = append(dump.DynamicListeners, &admin.ListenersConfigDump_DynamicListener{Name: r.name, ActiveState: state(r)})
		}
	}
	for _, r := range v.warmingListeners {
		if wanted(names, r.name) {
			dump.DynamicListeners = append(dump.DynamicListeners, &admin.ListenersConfigDump_DynamicListener{Name: r.name, WarmingState: state(r)})
		}
	}
	return dump
}

// routesDump are the routes that came by themselves and, as static ones, those that stand in a listener.
func routesDump(v view, names *regexp.Regexp) (*admin.RoutesConfigDump, error) {
	dump := &admin.RoutesConfigDump{}
	for _, r := range v.routes {
		if wanted(names, r.name) {
			dump.DynamicRouteConfigs = append(dump.DynamicRouteConfigs, &admin.RoutesConfigDump_DynamicRouteConfig{
				VersionInfo: r.version, RouteConfig: r.any(typeRoute), LastUpdated: timestamppb.New(r.updated),
			})
		}
	}
	for _, r := range v.listeners {
		l := &listener.Listener{}
		if err := proto.Unmarshal([]byte(r.content.Value()), l); err != nil {
			return nil, err
		}
		for _, inline := range inlineRoutes(l) {
			if !wanted(names, inline.Name) {
				continue
			}
			packed, err := anypb.New(inline)
			if err != nil {
				return nil, err
			}
			dump.StaticRouteConfigs = append(dump.StaticRouteConfigs, &admin.RoutesConfigDump_StaticRouteConfig{
				RouteConfig: packed, LastUpdated: timestamppb.New(r.updated),
			})
		}
	}
	return dump, nil
}

// endpointsDump are the endpoints of clusters, wherever they come from.
func endpointsDump(v view, names *regexp.Regexp) (*admin.EndpointsConfigDump, error) {
	dump := &admin.EndpointsConfigDump{}
	for _, r := range v.clusters {
		c := &cluster.Cluster{}
		if err := proto.Unmarshal([]byte(r.content.Value()), c); err != nil {
			return nil, err
		}
		if !wanted(names, c.Name) {
			continue
		}
		packed, err := endpointsOf(v, c)
		if err != nil {
			return nil, err
		}
		if packed != nil {
			dump.DynamicEndpointConfigs = append(dump.DynamicEndpointConfigs, &admin.EndpointsConfigDump_DynamicEndpointConfig{EndpointConfig: packed})
		}
	}
	return dump, nil
}

// endpointsOf is the load assignment of a cluster; nil when it has none.
func endpointsOf(v view, c *cluster.Cluster) (*anypb.Any, error) {
	for _, name := range clusterRefs(c) {
		if e, ok := v.endpoints[name]; ok {
			return e.any(typeEndpoint), nil
		}
		return nil, nil
	}
	if c.LoadAssignment == nil {
		return nil, nil
	}
	return anypb.New(c.LoadAssignment)
}
