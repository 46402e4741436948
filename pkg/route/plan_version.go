package route

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// version finds a version by name; nil where there is none.
func (p *planner) version(name string) *Version {
	for i := range p.view.Versions {
		if p.view.Versions[i].Name == name {
			return &p.view.Versions[i]
		}
	}
	return nil
}

// defined reports whether rules can name a version: a DestinationRule that
// clients see defines it, or a Service stands for it.
func (v *Version) defined() bool { return v != nil && v.From != (mesh.Ref{}) }

// mustVersion makes sure that rules can name a version: it is a subset, or
// becomes one where ready pods carry its name in the label version.
func (p *planner) mustVersion(name string) error {
	v := p.version(name)
	if v.defined() || p.drafted(name) {
		return nil
	}
	if !p.definable(name) {
		return p.noSuchVersion(name, v)
	}
	return p.define(name, map[string]string{podVersion: name})
}

// definable reports whether ready pods carry the name in the label version.
func (p *planner) definable(name string) bool {
	v := p.version(name)
	return v != nil && v.Labels[podVersion] == name && v.Ready > 0
}

func (p *planner) noSuchVersion(name string, v *Version) error {
	if unknown := p.view.Unknown; len(unknown) > 0 {
		return fmt.Errorf("version %s of service %s was not found, but not all could be read: %s", name, p.view.Service.Name, unknown[0])
	}
	var all []string
	for _, known := range p.view.Versions {
		if known.defined() || known.Ready > 0 {
			all = append(all, known.Name)
		}
	}
	there := "there are none"
	if len(all) > 0 {
		there = "there are " + inWords(all, "and")
	}
	defines := "DestinationRule defines it"
	if p.api == Gateway {
		defines = "Service " + p.serviceFor(name) + " stands for it"
	}
	if v != nil {
		return fmt.Errorf("service %s has no version %s: its pods with %s=%s are not ready (%s)", p.view.Service.Name, name, podVersion, name, there)
	}
	return fmt.Errorf("service %s has no version %s: no %s, and no pod has %s=%s (%s)", p.view.Service.Name, name, defines, podVersion, name, there)
}

// drafted reports whether rules can name a version as the plan makes it.
func (p *planner) drafted(name string) bool {
	if p.api == Gateway {
		return slices.ContainsFunc(p.drafts, func(d *draft) bool {
			return d.kind == mesh.Services && d.after != nil && d.ref.Name == p.serviceFor(name)
		})
	}
	p.destinationRules()
	for _, d := range p.drafts {
		if d.kind != mesh.DestinationRules || d.after == nil || resolve(text(d.spec(), "host"), d.ref.Namespace) != p.view.Host {
			continue
		}
		if slices.ContainsFunc(d.items("subsets"), func(s map[string]any) bool { return text(s, "name") == name }) {
			return true
		}
	}
	return false
}

// addSubset defines a version.
func (p *planner) addSubset(name string, labels map[string]string) {
	d := p.destinationRule()
	set := map[string]any{}
	for k, v := range labels {
		set[k] = v
	}
	setItems(d.spec(), "subsets", append(d.items("subsets"), map[string]any{"name": name, "labels": set}))
	d.mark(name)
	d.because("adds subset %s (%s)", name, selectorWords(labels))
}

// destinationRule is the draft of the DestinationRule for the service's host in
// its own namespace: the oldest, for which others of that host count as parts
// (istio.io/istio 1.29.1, pilot/pkg/model/destination_rule.go). Where there is
// none it is made, with the connection policy that holds today, since it hides
// those of wider hosts and of the root namespace.
func (p *planner) destinationRule() *draft {
	if all := p.destinationRules(); len(all) > 0 {
		return all[0]
	}
	for _, d := range p.drafts {
		if d.kind == mesh.DestinationRules && d.before == nil {
			return d
		}
	}
	spec := map[string]any{"host": p.view.Host}
	from := p.widerPolicy(spec)
	d := p.create(mesh.DestinationRules, p.view.Service.Name, "versions", spec)
	if from != nil {
		p.note("%s takes over what %s says, which does not hold for the service any more once it has a DestinationRule of its own", d.ref, from)
	}
	return d
}

// widerPolicy copies the policy and the subsets that hold for the service by a
// wider host or from another namespace.
func (p *planner) widerPolicy(spec map[string]any) *mesh.Ref {
	var from *mesh.Ref
	for _, policy := range p.view.Policies {
		u := p.raw(policy.From)
		if policy.Version != "" || u == nil {
			continue
		}
		if tp, ok, _ := unstructured.NestedMap(u.Object, "spec", "trafficPolicy"); ok {
			spec["trafficPolicy"], from = tp, &policy.From
			break
		}
	}
	for _, v := range p.view.Versions {
		u := p.raw(v.From)
		if !v.defined() || u == nil {
			continue
		}
		theirs, _ := u.Object["spec"].(map[string]any)
		for _, s := range itemsOf(theirs, "subsets") {
			if text(s, "name") == v.Name {
				setItems(spec, "subsets", append(itemsOf(spec, "subsets"), deepCopy(s).(map[string]any)))
				from = &v.From
			}
		}
	}
	return from
}

// destinationRules are the drafts of all DestinationRules for exactly the
// service's host in its namespace and for all clients, the oldest first.
func (p *planner) destinationRules() []*draft {
	var found []*unstructured.Unstructured
	for _, u := range p.snapshot.Config[mesh.DestinationRules] {
		spec, _ := u.Object["spec"].(map[string]any)
		if u.GetNamespace() != p.view.Service.Namespace || resolve(text(spec, "host"), u.GetNamespace()) != p.view.Host || spec["workloadSelector"] != nil {
			continue
		}
		found = append(found, u)
	}
	slices.SortStableFunc(found, func(a, b *unstructured.Unstructured) int {
		if c := a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time); c != 0 {
			return c
		}
		return strings.Compare(a.GetName(), b.GetName())
	})
	var all []*draft
	for _, u := range found {
		if d := p.open(mesh.DestinationRules, u.GetNamespace(), u.GetName()); d.after != nil {
			all = append(all, d)
		}
	}
	return all
}

// ready lists the versions that have ready endpoints, by name.
func (p *planner) ready() []string {
	var all []string
	for _, v := range p.view.Versions {
		if v.Ready > 0 {
			all = append(all, v.Name)
		}
	}
	return all
}

func text(of map[string]any, field string) string {
	s, _ := of[field].(string)
	return s
}
