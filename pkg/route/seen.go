package route

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Sight is what a look at a proxy told about an Expect.
type Sight string

// The sights.
const (
	Elsewhere Sight = "elsewhere" // the proxy's scope does not hold the host: it does not count
	Lacking   Sight = "lacking"   // the proxy does not have it yet
	Met       Sight = "met"
)

// Asks lists what to ask Envoy's admin port for to see whether an expectation
// is met: paths, whose answers go to Look in the same order. host is the
// service's. Empty where nothing is expected.
func (e Expect) Asks(host string) []string {
	if len(e.Clusters) == 0 && len(e.Gone) == 0 && len(e.Unused) == 0 && len(e.Routes) == 0 && len(e.Policies) == 0 {
		return nil
	}
	asks := []string{"/config_dump?resource=dynamic_active_clusters&name_regex=" + queryEscape(e.clusterNames(host))}
	if len(e.Routes) == 0 && len(e.Unused) == 0 {
		return asks
	}
	asks = append(asks, "/config_dump?resource=dynamic_route_configs"+e.routeNames())
	if len(e.Unused) > 0 || slices.ContainsFunc(e.Routes, func(r ExpectRoute) bool { return r.TCP }) {
		asks = append(asks, "/config_dump?resource=dynamic_listeners")
	}
	return asks
}

// And is what is expected by both.
func (e Expect) And(o Expect) Expect {
	return Expect{
		Clusters: slices.Concat(e.Clusters, o.Clusters), Gone: slices.Concat(e.Gone, o.Gone),
		Unused: slices.Concat(e.Unused, o.Unused), Routes: slices.Concat(e.Routes, o.Routes),
		Policies: slices.Concat(e.Policies, o.Policies),
	}
}

// clusterNames is a regular expression for the clusters to look at: all of the
// host, which tell whether it is in the proxy's scope, and those that are
// expected.
func (e Expect) clusterNames(host string) string {
	hosts := []string{regexp.QuoteMeta(host)}
	names := slices.Concat(e.Clusters, e.Gone)
	for _, policy := range e.Policies {
		names = append(names, policy.Cluster)
	}
	for _, name := range names {
		if h := regexp.QuoteMeta(clusterHost(name)); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return `outbound\|[0-9]*\|[^|]*\|(` + strings.Join(hosts, "|") + ")"
}

// routeNames narrows a dump to the route configurations that hold the expected
// routes: a sidecar's are called by the port, or by host and port where the
// protocol is sniffed, and a gateway's http.PORT or https.PORT….
func (e Expect) routeNames() string {
	if len(e.Unused) > 0 {
		return ""
	}
	var names []string
	for _, r := range e.Routes {
		name := `https?\..*`
		if r.Port != 0 {
			port := strconv.Itoa(int(r.Port))
			name = `(.*:)?` + port
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return "&name_regex=" + queryEscape(strings.Join(names, "|"))
}

// queryEscape is for a query: what Envoy takes as it is stays readable.
func queryEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~()*", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// clusterHost is the host in a cluster's name: "outbound|9080|v2|HOST".
func clusterHost(cluster string) string { return cluster[strings.LastIndex(cluster, "|")+1:] }

// Look says whether a proxy has what is expected, by the answers to Asks, and
// what it lacks. The error tells that an answer could not be understood.
func (e Expect) Look(host string, answers [][]byte) (s Sight, lacks string, err error) {
	d, err := readDump(answers)
	if err != nil {
		return Lacking, "", err
	}
	if !slices.ContainsFunc(d.clusters, func(c string) bool { return clusterHost(c) == host }) {
		return Elsewhere, "", nil
	}
	counts := len(e.Clusters) > 0 || len(e.Policies) > 0 || len(e.Gone) > 0 || len(e.Unused) > 0
	for _, name := range e.Clusters {
		if !slices.Contains(d.clusters, name) {
			return Lacking, "it has no cluster " + name, nil
		}
	}
	for _, name := range e.Gone {
		if slices.Contains(d.clusters, name) {
			return Lacking, "it still has cluster " + name, nil
		}
	}
	for _, name := range e.Unused {
		if d.uses(name) {
			return Lacking, "it still sends requests to " + name, nil
		}
	}
	for _, p := range e.Policies {
		is, there := d.policies[p.Cluster]
		if !there || !p.meets(is) {
			return Lacking, "it has another connection policy for " + p.Cluster, nil
		}
	}
	for _, group := range e.grouped() {
		here, lacks := d.look(group)
		counts = counts || here
		if lacks != "" {
			return Lacking, lacks, nil
		}
	}
	if !counts {
		return Elsewhere, "", nil
	}
	return Met, "", nil
}

// grouped puts the expected routes of one object together, for each virtual
// host, in the order of its rules.
func (e Expect) grouped() [][]ExpectRoute {
	var groups [][]ExpectRoute
	for _, r := range e.Routes {
		at := slices.IndexFunc(groups, func(g []ExpectRoute) bool {
			return g[0].Host == r.Host && g[0].Port == r.Port && g[0].Object == r.Object && g[0].TCP == r.TCP
		})
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], r)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b ExpectRoute) int { return a.Rule - b.Rule })
	}
	return groups
}

// look compares the expected routes of one object with those of the virtual
// hosts that serve its host. here is false where none does.
func (d *dump) look(group []ExpectRoute) (here bool, lacks string) {
	if group[0].TCP {
		return d.lookTCP(group)
	}
	for _, v := range d.hosts {
		if !v.serves(group[0]) {
			continue
		}
		here = true
		var made []dumpRoute
		for _, r := range v.Routes {
			if r.object() == group[0].Object {
				made = append(made, r)
			}
		}
		if group[0].Clusters == nil {
			if len(made) > 0 {
				return true, "it still has routes made of " + group[0].Object
			}
			continue
		}
		if !aligned(made, group) {
			return true, fmt.Sprintf("its routes of %s, made of %s, are other ones", group[0].Host, group[0].Object)
		}
	}
	return here, ""
}

// aligned reports whether routes can be those of the rules: an object's rules
// keep their order, and one rule makes several routes where it has several
// matches. Rules of which nothing is expected may have made any.
func aligned(made []dumpRoute, rules []ExpectRoute) bool {
	a := &alignment{made: made, rules: map[int]*ExpectRoute{}, known: map[[3]int]bool{}}
	for i := range rules {
		a.rules[rules[i].Rule] = &rules[i]
		a.after = rules[i].Rule + 1
	}
	return a.fits(0, 0, false)
}

// alignment is a comparison of routes with rules.
type alignment struct {
	made  []dumpRoute
	rules map[int]*ExpectRoute
	after int // the first rule after those that are expected
	known map[[3]int]bool
}

// fits reports whether the routes from i on can be those of the rules from j
// on, of which rule j has made some already where begun is set.
func (a *alignment) fits(i, j int, begun bool) bool {
	if j >= a.after {
		return true
	}
	key := [3]int{i, j}
	if begun {
		key[2] = 1
	}
	if fits, ok := a.known[key]; ok {
		return fits
	}
	rule := a.rules[j]
	fits := (rule == nil || rule.Maybe || begun) && a.fits(i, j+1, false) ||
		i < len(a.made) && (rule == nil || rule.metBy(a.made[i])) && a.fits(i+1, j, true)
	a.known[key] = fits
	return fits
}

// metBy reports whether a route does what is expected of its rule.
func (e *ExpectRoute) metBy(r dumpRoute) bool {
	return seenEqual(e.Clusters, r.shares()) && (e.Action == nil || e.Action.meets(r.action()))
}

// seenEqual compares percentages, as exactly as weights can say them.
func seenEqual(want, have map[string]float64) bool {
	for _, m := range []map[string]float64{want, have} {
		for name := range m {
			if math.Abs(want[name]-have[name]) > 0.001 {
				return false
			}
		}
	}
	return true
}
