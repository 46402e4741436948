package route

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// shift gives versions shares of the rules meant.
func (p *planner) shift(s Shift) error {
	rules, err := p.pick(true)
	if err != nil {
		return err
	}
	if len(rules) == 0 {
		return fmt.Errorf("no rule leads to service %s", p.view.Service.Name)
	}
	for _, r := range rules {
		if err := p.shiftRule(r, s); err != nil {
			return err
		}
	}
	for _, port := range p.view.Ports {
		if p.protocol() == "http" && !port.http() {
			p.note("connections to port %d (%s) are not shifted: rules for HTTP do not hold for it", port.Number, port.Protocol)
		}
	}
	return nil
}

// part is what a rule sends to one version of the service, or to another host.
type part struct {
	held
	version string           // of the service; empty for all of its endpoints
	other   bool             // not the service
	entries []map[string]any // of the rule's list
	weights []int64
}

// shiftRule changes what one rule sends where.
func (p *planner) shiftRule(r ruleAt, s Shift) error {
	if r.http() && r.raw[p.toField()] == nil {
		return fmt.Errorf("%s of %s has no destinations to shift requests between: it %s", r.name(), r.draft.ref, instead(r.raw))
	}
	now, err := p.parts(r)
	if err != nil {
		return err
	}
	before := heldBy(now)
	all := before
	if s.To == "" && len(s.Set) < 2 {
		if all, err = p.expand(before, s); err != nil {
			return err
		}
	}
	if err := p.mustVersions(s, now); err != nil {
		return err
	}
	next, err := newShares(all, p.ready(), s)
	if err != nil {
		return err
	}
	var joins []string
	for _, h := range next {
		if h.Share.Sign() > 0 && !slices.ContainsFunc(now, func(q part) bool { return q.Version == h.Version }) {
			joins = append(joins, h.Version)
		}
	}
	slices.Sort(joins)
	for _, name := range joins {
		if err := p.mustVersion(name); err != nil {
			return err
		}
	}
	if sameShares(before, next) {
		return nil
	}
	p.write(r, now, next, s)
	r.draft.because("%s: %s", r.name(), moved(before, next))
	return nil
}

// mustVersions checks the versions that a shift names, before anything is
// reckoned with them. Taking away from one that is not there is always right.
func (p *planner) mustVersions(s Shift, now []part) error {
	var names []string
	if s.To != "" {
		names = append(names, s.To)
	}
	for _, v := range append(slices.Clone(s.Set), s.Adjust...) {
		if v.Percent > 0 || !slices.ContainsFunc(now, func(q part) bool { return q.Version == v.Version }) {
			names = append(names, v.Version)
		}
	}
	for _, name := range names {
		if v := p.version(name); !v.defined() && !p.drafted(name) && !p.definable(name) {
			return p.noSuchVersion(name, v)
		}
	}
	return nil
}

// instead says what a rule without destinations does.
func instead(raw map[string]any) string {
	switch {
	case raw["redirect"] != nil, filterOf(raw, "RequestRedirect") != nil:
		return "redirects"
	case raw["directResponse"] != nil:
		return "answers by itself"
	case raw["delegate"] != nil:
		return "leaves that to another VirtualService (delegate)"
	}
	return "sends them nowhere"
}

// parts groups a rule's destinations by version, in their order.
func (p *planner) parts(r ruleAt) ([]part, error) {
	var all []part
	var ws []int64
	for _, e := range itemsOf(r.raw, p.toField()) {
		host, version := p.destinationAt(e, r.draft.ref.Namespace)
		q := part{version: version}
		q.Version = q.version
		if host != p.view.Host {
			q.other = true
			q.Version = otherHost + strings.TrimSuffix(host+" "+q.version, " ")
		}
		w := p.weightOf(e)
		ws = append(ws, w)
		at := slices.IndexFunc(all, func(o part) bool { return o.Version == q.Version })
		if at < 0 {
			all = append(all, q)
			at = len(all) - 1
		}
		all[at].entries = append(all[at].entries, e)
		all[at].weights = append(all[at].weights, w)
	}
	shares, ok := partsOf(all, ws, p.api)
	if !ok {
		return nil, fmt.Errorf("the weights of %s of %s total 0: give every version its share, v1=… v2=…", r.name(), r.draft.ref)
	}
	for i := range all {
		all[i].Share = shares[i]
	}
	return all, nil
}

// partsOf sums the weights of each version up. One alone is everything, but for
// Gateway API's 0.
func partsOf(all []part, ws []int64, api API) ([]*big.Rat, bool) {
	if len(ws) == 1 && (api != Gateway || ws[0] > 0) {
		return []*big.Rat{big.NewRat(1, 1)}, true
	}
	var sums []int64
	var total int64
	for _, q := range all {
		var sum int64
		for _, w := range q.weights {
			sum += w
		}
		sums = append(sums, sum)
		total += sum
	}
	if total == 0 {
		return nil, len(all) == 0
	}
	shares := make([]*big.Rat, len(sums))
	for i, sum := range sums {
		shares[i] = big.NewRat(sum, total)
	}
	return shares, true
}

// whole reads a number as objects hold it.
func whole(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	case json.Number:
		i, _ := n.Int64()
		return i
	}
	return 0
}

func heldBy(all []part) []held {
	var hs []held
	for _, q := range all {
		hs = append(hs, q.held)
	}
	return hs
}

// sameShares reports whether every version has what it shall have.
func sameShares(now, next []held) bool {
	for _, lists := range [][2][]held{{now, next}, {next, now}} {
		for _, h := range lists[0] {
			if h.Share.Cmp(shareOf(lists[1], h.Version)) != 0 {
				return false
			}
		}
	}
	return true
}

// moved says what changes: "v1 100 → 80, v2 0 → 20".
func moved(now, next []held) string {
	var all []string
	names := append(slices.Clone(next), now...)
	seen := map[string]bool{}
	for _, h := range names {
		before, after := shareOf(now, h.Version), shareOf(next, h.Version)
		if seen[h.Version] || before.Cmp(after) == 0 {
			continue
		}
		seen[h.Version] = true
		name := h.Version
		if name == "" {
			name = "all endpoints"
		}
		all = append(all, fmt.Sprintf("%s %s → %s", name, short(before), short(after)))
	}
	return strings.Join(all, ", ")
}

// short writes a part of one as a percentage with at most two decimals, or
// with four where it would vanish.
func short(r *big.Rat) string {
	text := new(big.Rat).Mul(r, big.NewRat(100, 1)).FloatString(2)
	if strings.Trim(text, "0.") == "" && r.Sign() > 0 {
		return percent(r)
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
