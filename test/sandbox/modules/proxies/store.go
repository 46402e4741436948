package main

import (
	"maps"
	"slices"
	"sync"
	"time"
	"unique"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"

	v3 "istio.io/istio/pilot/pkg/xds/v3"
)

const (
	typeCluster  = v3.ClusterType
	typeEndpoint = v3.EndpointType
	typeListener = v3.ListenerType
	typeRoute    = v3.RouteType
)

// store is what a proxy has received and accepted.
type store struct {
	mu        sync.Mutex
	resources map[string]map[string]resource // by type and name
	versions  map[string]string              // of the last message of a type
}

// resource is kept as it came; equal ones of several proxies share their bytes.
type resource struct {
	name    string
	version string
	content unique.Handle[string]
	updated time.Time
	refs    []string // the endpoints of a cluster, the routes of a listener
}

func newStore() *store {
	return &store{
		versions:  map[string]string{},
		resources: map[string]map[string]resource{typeCluster: {}, typeEndpoint: {}, typeListener: {}, typeRoute: {}},
	}
}

// apply takes a message over. The first of a connection names all clusters or listeners that there are.
func (s *store) apply(m *discovery.DeltaDiscoveryResponse, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.resources[m.TypeUrl]
	if all == nil {
		return
	}
	old := maps.Clone(all)
	if first && (m.TypeUrl == typeCluster || m.TypeUrl == typeListener) {
		clear(all)
	}
	now := time.Now()
	for _, r := range m.Resources {
		next := resource{
			name: r.Name, version: r.Version, updated: now,
			content: unique.Make(string(r.GetResource().GetValue())), refs: old[r.Name].refs,
		}
		all[r.Name] = next
	}
	for _, name := range m.RemovedResources {
		delete(all, name)
	}
	s.versions[m.TypeUrl] = m.SystemVersionInfo
}

// refer notes what a resource needs.
func (s *store) refer(kind, name string, refs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.resources[kind][name]; ok {
		r.refs = refs
		s.resources[kind][name] = r
	}
}

// ready tells whether clusters and listeners came, and everything that they need.
func (s *store) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []string{typeCluster, typeListener} {
		if _, came := s.versions[kind]; !came { // a gateway without a Gateway gets no listener, but a message that says so
			return false
		}
	}
	return s.complete(typeCluster, typeEndpoint) && s.complete(typeListener, typeRoute)
}

func (s *store) complete(kind, needs string) bool {
	for _, r := range s.resources[kind] {
		if !s.has(needs, r.refs) {
			return false
		}
	}
	return true
}

func (s *store) has(kind string, names []string) bool {
	for _, name := range names {
		if _, ok := s.resources[kind][name]; !ok {
			return false
		}
	}
	return true
}

// view is a store at one moment, in the order of names. Warming is what waits for what it needs, as in Envoy.
type view struct {
	clusters, warmingClusters   []resource
	listeners, warmingListeners []resource
	routes                      []resource
	endpoints                   map[string]resource
	versions                    map[string]string
}

func (s *store) view() view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{endpoints: map[string]resource{}, versions: maps.Clone(s.versions)}
	for _, r := range s.sorted(typeCluster) {
		if s.has(typeEndpoint, r.refs) {
			v.clusters = append(v.clusters, r)
		} else {
			v.warmingClusters = append(v.warmingClusters, r)
		}
		for _, name := range r.refs {
			if e, ok := s.resources[typeEndpoint][name]; ok {
				v.endpoints[name] = e
			}
		}
	}
	used := map[string]bool{}
	for _, r := range s.sorted(typeListener) {
		if s.has(typeRoute, r.refs) {
			v.listeners = append(v.listeners, r)
		} else {
			v.warmingListeners = append(v.warmingListeners, r)
		}
		for _, name := range r.refs {
			used[name] = true
		}
	}
	for _, r := range s.sorted(typeRoute) {
		if used[r.name] {
			v.routes = append(v.routes, r)
		}
	}
	return v
}

func (s *store) sorted(kind string) []resource {
	var out []resource
	for _, name := range slices.Sorted(maps.Keys(s.resources[kind])) {
		out = append(out, s.resources[kind][name])
	}
	return out
}

// any is the resource as the message that it came in.
func (r resource) any(kind string) *anypb.Any {
	return &anypb.Any{TypeUrl: kind, Value: []byte(r.content.Value())}
}
