package route

import (
	"maps"
	"math/big"
	"slices"
)

// write gives a rule's destinations their weights. What was listed stays at 0:
// Envoy is not told of it (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/route/route.go), its header changes survive, and
// whoever compares all but the weights with Git finds no difference. What was
// not listed joins only where it gets something. The service as a whole goes
// where versions take its place.
func (p *planner) write(r ruleAt, now []part, next []held, s Shift) {
	var entries []map[string]any
	var shares []*big.Rat
	var exact []bool
	add := func(e map[string]any, share *big.Rat, version string) {
		entries = append(entries, e)
		shares = append(shares, share)
		exact = append(exact, slices.ContainsFunc(s.Set, func(n Share) bool { return n.Version == version }))
	}
	for _, q := range now {
		share := shareOf(next, q.Version)
		if share.Sign() == 0 && q.version == "" && !q.other && !slices.ContainsFunc(q.entries, func(e map[string]any) bool { return !p.plain(e) }) {
			continue
		}
		for i, of := range among1(q.weights) {
			add(q.entries[i], new(big.Rat).Mul(share, of), q.Version)
		}
	}
	for _, h := range next {
		if h.Share.Sign() > 0 && !slices.ContainsFunc(now, func(q part) bool { return q.Version == h.Version }) {
			add(p.destination(r, h.Version), h.Share, h.Version)
		}
	}
	ws := weights(shares, exact)
	for i, e := range entries {
		if _, had := e["weight"]; len(entries) > 1 || had {
			e["weight"] = ws[i]
		}
	}
	setItems(r.raw, p.toField(), entries)
}

// plain reports whether an entry says nothing but where to.
func (p *planner) plain(e map[string]any) bool {
	where := []string{"destination", "weight"}
	if p.api == Gateway {
		where = []string{"group", "kind", "namespace", "name", "port", "weight"}
	}
	return !slices.ContainsFunc(slices.Collect(maps.Keys(e)), func(k string) bool { return !slices.Contains(where, k) })
}

// among1 divides one between entries as their weights do; without weights the
// first gets all.
func among1(ws []int64) []*big.Rat {
	if shares, ok := parts(ws); ok {
		return shares
	}
	shares := make([]*big.Rat, len(ws))
	for i := range shares {
		shares[i] = new(big.Rat)
	}
	shares[0].SetInt64(1)
	return shares
}

// destination is a new entry of a rule's list: it calls the host as the other
// entries do, and takes over their port.
func (p *planner) destination(r ruleAt, version string) map[string]any {
	if p.api == Gateway {
		return p.backend(r, version)
	}
	to := map[string]any{"host": p.view.Host}
	if old := p.ownDestinations(r); len(old) > 0 {
		to["host"] = old[0]["host"]
		if port, ok := old[0]["port"].(map[string]any); ok {
			to["port"] = maps.Clone(port)
		}
	}
	if to["port"] == nil && r.scope != meshScope && len(p.view.Ports) > 1 {
		to["port"] = map[string]any{"number": int64(p.gatewayPort(r))}
	}
	if version != "" {
		to["subset"] = version
	}
	return map[string]any{"destination": to}
}

// ownDestinations are those of a rule that are the service.
func (p *planner) ownDestinations(r ruleAt) []map[string]any {
	var all []map[string]any
	for _, e := range itemsOf(r.raw, "route") {
		to, _ := e["destination"].(map[string]any)
		if resolve(text(to, "host"), r.draft.ref.Namespace) == p.view.Host {
			all = append(all, to)
		}
	}
	return all
}

// gatewayPort is the service's port that a gateway's new rule leads to: without
// one, the gateway's own number would be taken for it (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/route/route.go: GetDestinationCluster). It is the
// port of the object's other rules, else the first for the rule's protocol.
func (p *planner) gatewayPort(r ruleAt) int32 {
	for _, raw := range r.draft.items(r.list) {
		other := r
		other.raw = raw
		for _, to := range p.ownDestinations(other) {
			named, _ := to["port"].(map[string]any)
			if n := whole(named["number"]); n != 0 {
				return int32(n)
			}
		}
	}
	for _, port := range p.view.Ports {
		if r.list == "http" && port.http() || r.list == "tcp" && port.tcp() {
			p.note("requests go to port %d of service %s, its first for %s", port.Number, p.view.Service.Name, r.list)
			return port.Number
		}
	}
	return p.view.Ports[0].Number
}
