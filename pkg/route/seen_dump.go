package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dump is what of a proxy's configuration is looked at. Envoy's JSON names
// fields as its proto files do (envoy 1.37, source/server/admin/config_dump_handler.cc).
type dump struct {
	clusters []string
	policies map[string]ExpectPolicy // by cluster
	hosts    []virtualHost
	tcp      []dumpRoute // what TCP proxies in listeners do
	sidecar  bool        // it takes a pod's outbound connections, as no gateway does
}

// sidecarListener takes the outbound connections of a sidecar's pod
// (istio.io/istio 1.29.1, pilot/pkg/model/listener.go:
// VirtualOutboundListenerName).
const sidecarListener = "virtualOutbound"

// virtualHost is one of a route configuration.
type virtualHost struct {
	config  string      // the route configuration's name
	Domains []string    `json:"domains"`
	Routes  []dumpRoute `json:"routes"`
}

// serves reports whether an expected route would stand here.
func (v virtualHost) serves(r ExpectRoute) bool {
	if r.Port == 0 != (strings.HasPrefix(v.config, "http.") || strings.HasPrefix(v.config, "https.")) {
		return false
	}
	port := strconv.Itoa(int(r.Port))
	if r.Port != 0 && v.config != port && !strings.HasSuffix(v.config, ":"+port) {
		return false
	}
	return slices.ContainsFunc(v.Domains, func(d string) bool { return d == r.Host || r.Port != 0 && d == r.Host+":"+port })
}

// dumpRoute is one route of a virtual host.
type dumpRoute struct {
	Metadata dumpMetadata `json:"metadata"`
	Route    struct {
		sendsTo
		Timeout string `json:"timeout"`
		Retry   *struct {
			Number *int `json:"num_retries"`
		} `json:"retry_policy"`
		Mirrors []struct {
			Cluster  string `json:"cluster"`
			Fraction struct {
				Default *envoyFraction `json:"default_value"`
			} `json:"runtime_fraction"`
		} `json:"request_mirror_policies"`
	} `json:"route"`
	Filters map[string]json.RawMessage `json:"typed_per_filter_config"`
}

type dumpMetadata struct {
	Filters struct {
		Istio struct {
			Config string `json:"config"`
		} `json:"istio"`
	} `json:"filter_metadata"`
}

// sendsTo is where a route, or a TCP proxy, sends what comes.
type sendsTo struct {
	Cluster  string `json:"cluster"`
	Weighted struct {
		Clusters []struct {
			Name   string  `json:"name"`
			Weight float64 `json:"weight"`
		} `json:"clusters"`
	} `json:"weighted_clusters"`
}

// envoyFraction is Envoy's FractionalPercent.
type envoyFraction struct {
	Numerator   float64 `json:"numerator"`
	Denominator string  `json:"denominator"` // HUNDRED when empty
}

func (f *envoyFraction) percent() float64 {
	if f == nil {
		return 100
	}
	return f.Numerator * map[string]float64{"TEN_THOUSAND": 0.01, "MILLION": 0.0001, "HUNDRED": 1, "": 1}[f.Denominator]
}

// object is what the route is made of; an object's version is no part of what
// it is.
func (r dumpRoute) object() string { return r.Metadata.Filters.Istio.Config }

func (r dumpRoute) shares() map[string]float64 { return r.Route.shares() }

// shares are the percentages of the clusters.
func (t sendsTo) shares() map[string]float64 {
	if len(t.Weighted.Clusters) == 0 {
		if t.Cluster == "" {
			return map[string]float64{}
		}
		return map[string]float64{t.Cluster: 100}
	}
	total := 0.0
	for _, c := range t.Weighted.Clusters {
		total += c.Weight
	}
	shares := map[string]float64{}
	for _, c := range t.Weighted.Clusters {
		if total > 0 {
			shares[c.Name] += c.Weight / total * 100
		}
	}
	return shares
}

// action is what the route does beside sending requests on.
func (r dumpRoute) action() ExpectAction {
	a := ExpectAction{Timeout: dumpDuration(r.Route.Timeout)}
	if retry := r.Route.Retry; retry != nil {
		a.Attempts = 1
		if retry.Number != nil {
			a.Attempts = *retry.Number
		}
	}
	for _, m := range r.Route.Mirrors {
		if a.Mirrors == nil {
			a.Mirrors = map[string]float64{}
		}
		a.Mirrors[m.Cluster] = m.Fraction.Default.percent()
	}
	var fault struct {
		Delay *struct {
			Fixed   string         `json:"fixed_delay"`
			Percent *envoyFraction `json:"percentage"`
		} `json:"delay"`
		Abort *struct {
			HTTP    int            `json:"http_status"`
			GRPC    *int           `json:"grpc_status"`
			Percent *envoyFraction `json:"percentage"`
		} `json:"abort"`
	}
	if raw := r.Filters["envoy.filters.http.fault"]; raw == nil || json.Unmarshal(raw, &fault) != nil {
		return a
	}
	if fault.Delay != nil {
		a.Delay, a.DelayPercent = dumpDuration(fault.Delay.Fixed), fault.Delay.Percent.percent()
	}
	if fault.Abort != nil {
		a.Abort, a.AbortPercent = strconv.Itoa(fault.Abort.HTTP), fault.Abort.Percent.percent()
		if fault.Abort.GRPC != nil {
			a.Abort = "grpc:" + strconv.Itoa(*fault.Abort.GRPC)
		}
	}
	return a
}

// meets compares what is expected with what is.
func (a ExpectAction) meets(have ExpectAction) bool {
	if !seenEqual(a.Mirrors, have.Mirrors) ||
		!seenEqual(map[string]float64{"delay": a.DelayPercent, "abort": a.AbortPercent}, map[string]float64{"delay": have.DelayPercent, "abort": have.AbortPercent}) {
		return false
	}
	for _, x := range []*ExpectAction{&a, &have} {
		x.Mirrors, x.DelayPercent, x.AbortPercent = nil, 0, 0
	}
	if a.Attempts < 0 {
		have.Attempts = a.Attempts
	}
	return reflect.DeepEqual(a, have)
}

// dumpDuration reads proto's JSON of one: "0.500s".
func dumpDuration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d
}

// uses reports whether any route, or TCP proxy, sends something to a cluster.
// One without a subset is what a Service's own host leads to: only what other
// hosts' routes send there counts.
func (d *dump) uses(cluster string) bool {
	whole := strings.Contains(cluster, "||")
	for _, v := range d.hosts {
		if whole && v.named(clusterHost(cluster)) {
			continue
		}
		for _, r := range v.Routes {
			if r.shares()[cluster] > 0 {
				return true
			}
			if slices.ContainsFunc(slices.Collect(maps.Keys(r.action().Mirrors)), func(c string) bool { return c == cluster }) {
				return true
			}
		}
	}
	return !whole && slices.ContainsFunc(d.tcp, func(r dumpRoute) bool { return r.shares()[cluster] > 0 })
}

// named reports whether a host is among the domains of a virtual host.
func (v virtualHost) named(host string) bool {
	return slices.ContainsFunc(v.Domains, func(domain string) bool {
		return domain == host || strings.HasPrefix(domain, host+":")
	})
}

// lookTCP compares what TCP proxies of the host do. They are many, one for
// each address, and say what object they are made of only for the mesh.
func (d *dump) lookTCP(group []ExpectRoute) (here bool, lacks string) {
	for _, e := range group {
		if e.Port == 0 && d.sidecar { // the rule is a gateway's
			continue
		}
		met := false
		for _, r := range d.tcp {
			if r.object() != "" && r.object() != e.Object {
				continue
			}
			about := slices.ContainsFunc(slices.Collect(maps.Keys(r.shares())), func(c string) bool { return slices.Contains(clusterHosts(e.Clusters), clusterHost(c)) })
			here = here || about
			met = met || about && seenEqual(e.Clusters, r.shares())
		}
		if here && !met && e.Clusters != nil {
			return here, "its TCP proxies made of " + e.Object + " are other ones"
		}
		if e.Clusters == nil && slices.ContainsFunc(d.tcp, func(r dumpRoute) bool { return r.object() == e.Object }) {
			return true, "it still has TCP proxies made of " + e.Object
		}
	}
	return here, ""
}

func clusterHosts(shares map[string]float64) []string {
	var hosts []string
	for c := range shares {
		hosts = append(hosts, clusterHost(c))
	}
	return hosts
}

// readDump reads the answers to Asks.
func readDump(answers [][]byte) (*dump, error) {
	d := &dump{policies: map[string]ExpectPolicy{}}
	for _, text := range answers {
		var answer struct {
			Configs []dumpItem `json:"configs"`
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			return nil, fmt.Errorf("the proxy's answer is no config dump: %w", err)
		}
		for _, item := range answer.Configs {
			d.add(item)
		}
	}
	return d, nil
}

// dumpItem is a dynamic cluster, route configuration or listener.
type dumpItem struct {
	Name    string      `json:"name"` // of a listener
	Cluster dumpCluster `json:"cluster"`
	Routes  struct {
		Name  string        `json:"name"`
		Hosts []virtualHost `json:"virtual_hosts"`
	} `json:"route_config"`
	Active struct {
		Listener struct {
			Chains  []filterChain `json:"filter_chains"`
			Default filterChain   `json:"default_filter_chain"`
		} `json:"listener"`
	} `json:"active_state"`
}

type filterChain struct {
	Metadata dumpMetadata `json:"metadata"`
	Filters  []struct {
		Config struct {
			Type string `json:"@type"`
			sendsTo
		} `json:"typed_config"`
	} `json:"filters"`
}

func (d *dump) add(item dumpItem) {
	if item.Cluster.Name != "" {
		d.clusters = append(d.clusters, item.Cluster.Name)
		d.policies[item.Cluster.Name] = item.Cluster.policy()
	}
	for _, h := range item.Routes.Hosts {
		h.config = item.Routes.Name
		d.hosts = append(d.hosts, h)
	}
	d.sidecar = d.sidecar || item.Name == sidecarListener
	l := item.Active.Listener
	for _, chain := range append(l.Chains, l.Default) {
		for _, f := range chain.Filters {
			if !strings.HasSuffix(f.Config.Type, "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy") {
				continue
			}
			r := dumpRoute{Metadata: chain.Metadata}
			r.Route.sendsTo = f.Config.sendsTo
			d.tcp = append(d.tcp, r)
		}
	}
}
