package route

import (
	"cmp"
	"slices"
	"strings"
	"time"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// destinationRule is one that was read.
type destinationRule struct {
	ref      mesh.Ref
	host     string
	created  time.Time
	selected bool     // it is for clients of some labels alone
	exportTo []string // as written
	subsets  []subset
	policy   *networking.TrafficPolicy
}

type subset struct {
	name   string
	labels map[string]string
	policy *networking.TrafficPolicy
	from   mesh.Ref
}

// mergedRule is what Istio makes of those of one namespace for one host.
type mergedRule struct {
	host       string
	exportTo   []string // sorted
	from       []mesh.Ref
	subsets    []subset
	policy     *networking.TrafficPolicy
	policyFrom mesh.Ref
}

// hostRules are merged rules by their host, in one namespace.
type hostRules map[string][]*mergedRule

// destinationRules is who gets which, as Istio keeps it (istio.io/istio 1.29.1,
// pilot/pkg/model/push_context.go: setDestinationRules).
type destinationRules struct {
	local     map[string]hostRules // for clients of the rule's own namespace
	exported  map[string]hostRules // for clients of others, by the rule's namespace
	rootLocal hostRules            // the root namespace's own
	root      string
	all       map[string][]destinationRule // by host
	wild      []destinationRule
}

// mergeRules reads and merges all DestinationRules.
func (x *index) mergeRules() destinationRules {
	d := destinationRules{
		local: map[string]hostRules{}, exported: map[string]hostRules{}, rootLocal: hostRules{},
		root: x.config.RootNamespace, all: map[string][]destinationRule{},
	}
	var list []destinationRule
	objects := x.s.Config[mesh.DestinationRules]
	specs, errs := decoded[networking.DestinationRule](objects)
	for i, u := range objects {
		ref, spec := refOf(u), specs[i]
		x.objects[ref] = u
		if errs[i] != nil {
			x.unreadable(u, errs[i])
			continue
		}
		r := destinationRule{
			ref: ref, host: resolve(spec.Host, ref.Namespace), created: u.GetCreationTimestamp().Time,
			selected: spec.WorkloadSelector != nil, exportTo: spec.ExportTo, policy: spec.TrafficPolicy,
		}
		for _, sub := range spec.Subsets {
			r.subsets = append(r.subsets, subset{name: sub.Name, labels: sub.Labels, policy: sub.TrafficPolicy, from: ref})
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b destinationRule) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.ref.Name, b.ref.Name), cmp.Compare(a.ref.Namespace, b.ref.Namespace))
	})
	for _, r := range list {
		if wildcard(r.host) {
			d.wild = append(d.wild, r)
		} else {
			d.all[r.host] = append(d.all[r.host], r)
		}
		if !r.selected {
			d.add(r, x.config.DefaultDestinationRuleExportTo)
		}
	}
	return d
}

func (d *destinationRules) add(r destinationRule, defaults []string) {
	to := slices.Clone(r.exportTo)
	slices.Sort(to)
	to = slices.Compact(to)
	ns := r.ref.Namespace
	if len(to) == 0 || slices.Contains(to, "*") || slices.Contains(to, ".") || slices.Contains(to, ns) {
		if d.local[ns] == nil {
			d.local[ns] = hostRules{}
		}
		d.local[ns].merge(r, to)
	}
	private := len(to) == 0 && slices.Contains(defaults, ".") || len(to) == 1 && (to[0] == "." || to[0] == ns)
	switch {
	case !private:
		if d.exported[ns] == nil {
			d.exported[ns] = hostRules{}
		}
		d.exported[ns].merge(r, to)
	case ns == d.root:
		d.rootLocal.merge(r, to)
	}
}

// merge joins a rule to those of its host that reach the same clients: new
// subsets are added, the first policy stays (pilot/pkg/model/
// destination_rule.go: mergeDestinationRule).
func (h hostRules) merge(r destinationRule, to []string) {
	joined := false
	for _, m := range h[r.host] {
		same := slices.Equal(to, m.exportTo)
		wider := len(m.exportTo) > 0 && !slices.ContainsFunc(m.exportTo, func(e string) bool { return !slices.Contains(to, e) })
		if !same && !wider {
			joined = false
			continue
		}
		joined = true
		m.from = append(m.from, r.ref)
		for _, sub := range r.subsets {
			if !slices.ContainsFunc(m.subsets, func(have subset) bool { return have.name == sub.name }) {
				m.subsets = append(m.subsets, sub)
			}
		}
		if m.policy == nil && r.policy != nil {
			m.policy, m.policyFrom = r.policy, r.ref
		}
	}
	if joined {
		return
	}
	h[r.host] = append(h[r.host], &mergedRule{
		host: r.host, exportTo: to, from: []mesh.Ref{r.ref}, subsets: slices.Clone(r.subsets), policy: r.policy, policyFrom: r.ref,
	})
}

// find returns the rules of the narrowest host that holds this one.
func (h hostRules) find(hostname string) []*mergedRule {
	if list, ok := h[hostname]; ok {
		return list
	}
	best := ""
	for pattern := range h {
		if wildcard(pattern) && strings.HasSuffix(hostname, pattern[1:]) && (best == "" || moreSpecific(pattern, best)) {
			best = pattern
		}
	}
	return h[best]
}

// effective is the rule that clients of a namespace get for a host: that of
// their own namespace, else of the service's, else of the root's; never a
// mixture (pilot/pkg/model/push_context.go: destinationRule). nil for none.
func (d *destinationRules) effective(client, owner, hostname string) *mergedRule {
	local := d.local[client]
	if client == d.root {
		local = d.rootLocal
	}
	if found := local.find(hostname); len(found) > 0 {
		return found[0]
	}
	for _, ns := range []string{owner, d.root} {
		for _, m := range d.exported[ns].find(hostname) {
			if len(m.exportTo) == 0 || slices.Contains(m.exportTo, "*") || slices.Contains(m.exportTo, client) {
				return m
			}
		}
	}
	return nil
}

// subset returns the labels of a version.
func (m *mergedRule) subset(name string) (labels map[string]string, ok bool) {
	if m == nil {
		return nil, false
	}
	for _, s := range m.subsets {
		if s.name == name {
			return s.labels, true
		}
	}
	return nil, false
}
