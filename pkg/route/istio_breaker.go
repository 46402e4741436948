package route

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// limit is a field of a traffic policy that a breaker can set.
type limit struct {
	name  string
	path  []string
	count *int64
	span  *time.Duration
	min   int64
	max   int64 // 0: none
}

// settings are the fields of a DestinationRule's trafficPolicy
// (istio.io/api networking/v1 destination_rule.proto).
func (b Breaker) settings() []limit {
	tcp, http, eject := []string{"connectionPool", "tcp"}, []string{"connectionPool", "http"}, []string{"outlierDetection"}
	at := func(in []string, field string) []string { return append(append([]string(nil), in...), field) }
	return []limit{
		{name: "maxConnections", path: at(tcp, "maxConnections"), count: b.MaxConnections, min: 1},
		{name: "connectTimeout", path: at(tcp, "connectTimeout"), span: b.ConnectTimeout},
		{name: "http1MaxPendingRequests", path: at(http, "http1MaxPendingRequests"), count: b.MaxPending, min: 1},
		{name: "maxRequestsPerConnection", path: at(http, "maxRequestsPerConnection"), count: b.MaxRequestsPerConnection, min: 1},
		{name: "maxRetries", path: at(http, "maxRetries"), count: b.MaxRetries, min: 1},
		{name: "consecutive5xxErrors", path: at(eject, "consecutive5xxErrors"), count: b.Consecutive5xx},
		{name: "interval", path: at(eject, "interval"), span: b.Interval},
		{name: "baseEjectionTime", path: at(eject, "baseEjectionTime"), span: b.BaseEjection},
		{name: "maxEjectionPercent", path: at(eject, "maxEjectionPercent"), count: b.MaxEjectionPercent, max: 100},
	}
}

// check makes sure that a setting means what it says: Istio takes a count of 0
// as not set.
func (s limit) check() error {
	switch {
	case s.span != nil && *s.span < time.Millisecond:
		return fmt.Errorf("%s %s: it must be at least 1ms", s.name, *s.span)
	case s.count == nil:
	case *s.count < s.min:
		return fmt.Errorf("%s %d: it must be at least %d", s.name, *s.count, s.min)
	case s.max > 0 && *s.count > s.max:
		return fmt.Errorf("%s %d: it must be at most %d", s.name, *s.count, s.max)
	}
	return nil
}

// put writes the setting; it reports the change in words, empty for none.
func (s limit) put(policy map[string]any) string {
	in := policy
	if s.count == nil && s.span == nil {
		return ""
	}
	for _, f := range s.path[:len(s.path)-1] {
		in = child(in, f)
	}
	field := s.path[len(s.path)-1]
	old, had := in[field]
	switch {
	case s.span != nil && !sameDuration(old, *s.span):
		in[field] = seconds(*s.span)
	case s.count != nil && (!had || whole(old) != *s.count):
		in[field] = *s.count
	default:
		return ""
	}
	if had {
		return fmt.Sprintf("%s %v → %v", s.name, old, in[field])
	}
	return fmt.Sprintf("%s %v", s.name, in[field])
}

// breaker bounds connections to the service or to a version of it.
func (p *planner) breaker(b Breaker) error {
	set := false
	for _, s := range b.settings() {
		if err := s.check(); err != nil {
			return err
		}
		set = set || s.count != nil || s.span != nil
	}
	switch {
	case b.Clear && set:
		return errors.New("--clear takes all settings away: give none beside it")
	case b.Clear:
		return p.clearBreaker(b)
	case !set:
		return errors.New("no setting is given: see route breaker --help")
	}
	if b.Version != "" {
		if err := p.mustVersion(b.Version); err != nil {
			return err
		}
	}
	d := p.policyRule(b.Version, true)
	if d == nil {
		return p.foreignSubset(b.Version)
	}
	holder := p.policyHolder(d, b.Version)
	policy := child(holder, "trafficPolicy")
	var words []string
	for _, s := range b.settings() {
		if w := s.put(policy); w != "" {
			words = append(words, w)
		}
	}
	if len(words) > 0 {
		d.because("%s: %s", subsetWords(b.Version), strings.Join(words, ", "))
	}
	if ports, ok := policy["portLevelSettings"].([]any); ok && len(ports) > 0 {
		p.note("%s has settings for single ports, which replace these for them", d.ref)
	}
	return nil
}

func subsetWords(version string) string {
	if version == "" {
		return "connections to the service"
	}
	return "connections to " + version
}

// policyRule is the draft that holds, or gets, the policy of the service or of
// a version: that which defines the version, or whose policy holds today.
func (p *planner) policyRule(version string, add bool) *draft {
	all := p.destinationRules()
	for _, d := range all {
		if version == "" && d.spec()["trafficPolicy"] != nil || version != "" && p.policyHolder(d, version) != nil {
			return d
		}
	}
	for _, d := range p.drafts { // one that the plan makes
		if d.kind == mesh.DestinationRules && d.before == nil && p.policyHolder(d, version) != nil {
			return d
		}
	}
	if !add || version != "" {
		return nil
	}
	return p.destinationRule()
}

// policyHolder is what carries the policy: the spec, or a subset.
func (p *planner) policyHolder(d *draft, version string) map[string]any {
	if version == "" {
		return d.spec()
	}
	for _, s := range d.items("subsets") {
		if text(s, "name") == version {
			return s
		}
	}
	return nil
}

// foreignSubset refuses to change what a DestinationRule for other hosts or
// from another namespace says.
func (p *planner) foreignSubset(version string) error {
	v := p.version(version)
	return fmt.Errorf("version %s is defined by %s, which is not for this service alone: change it there", version, v.From)
}

// clearBreaker takes all settings of breakers away.
func (p *planner) clearBreaker(b Breaker) error {
	if b.Version != "" && p.version(b.Version) == nil {
		return p.noSuchVersion(b.Version, nil)
	}
	d := p.policyRule(b.Version, false)
	if d == nil {
		return nil
	}
	holder := p.policyHolder(d, b.Version)
	policy, ok := holder["trafficPolicy"].(map[string]any)
	if !ok {
		return nil
	}
	before := deepCopy(policy)
	for _, s := range b.settings() {
		prune(policy, s.path...)
	}
	if sameValue(before, policy) {
		return nil
	}
	if len(policy) == 0 {
		delete(holder, "trafficPolicy")
	}
	d.because("%s: no limits and no ejection any more", subsetWords(b.Version))
	tidyRule(d)
	return nil
}

// tidyRule takes a DestinationRule of ours away that says nothing any more.
func tidyRule(d *draft) {
	if d.ours() && d.before != nil && d.spec()["trafficPolicy"] == nil && len(d.items("subsets")) == 0 {
		d.after = nil
	}
}
