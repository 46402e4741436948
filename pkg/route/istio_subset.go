package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// subset adds, removes or completes versions.
func (p *planner) subset(s Subset) error {
	switch {
	case s.Service:
		return errors.New("a Service for each version is for Gateway API: leave --api istio away")
	case s.Add != "":
		return p.subsetAdd(s)
	case s.Remove != "":
		return p.subsetRemove(s.Remove)
	case s.Auto:
		return p.subsetAuto()
	}
	return errors.New("nothing to do is given: add, remove or --auto")
}

func (p *planner) subsetAdd(s Subset) error {
	labels := s.Labels
	if len(labels) == 0 {
		labels = map[string]string{podVersion: s.Add}
	}
	if v := p.version(s.Add); v.defined() {
		if maps.Equal(v.Labels, labels) {
			return nil
		}
		return fmt.Errorf("version %s is there with other labels (%s, by %s): remove it first, or take another name", s.Add, selectorWords(v.Labels), v.From)
	}
	p.addSubset(s.Add, labels)
	return nil
}

// subsetAuto defines a version for each value of the label version that pods
// of the service have.
func (p *planner) subsetAuto() error {
	for _, v := range p.view.Versions {
		if v.defined() || v.Labels[podVersion] != v.Name || p.labelled(v.Name) {
			continue
		}
		if err := p.define(v.Name, map[string]string{podVersion: v.Name}); err != nil {
			return err
		}
	}
	if len(p.view.Versions) == 0 {
		return fmt.Errorf("no pod of service %s has the label %s: name versions with route subset %s add NAME -l LABEL=VALUE", p.view.Service.Name, podVersion, p.view.Service.Name)
	}
	return nil
}

// labelled reports whether a subset of another name is of this version's pods.
func (p *planner) labelled(version string) bool {
	return slices.ContainsFunc(p.view.Versions, func(v Version) bool {
		return v.defined() && v.Labels[podVersion] == version && (p.api == Gateway || len(v.Labels) == 1)
	})
}

// subsetRemove takes a version away that no rule sends requests to.
func (p *planner) subsetRemove(name string) error {
	var holders []*draft
	for _, d := range p.destinationRules() {
		if p.policyHolder(d, name) != nil {
			holders = append(holders, d)
		}
	}
	if len(holders) == 0 {
		if v := p.version(name); v.defined() {
			return p.foreignSubset(name)
		}
		return nil
	}
	users, zero := p.users(name)
	if len(users) > 0 {
		return &RefusedError{
			Check:   "subset-missing",
			Why:     fmt.Sprintf("version %s is still sent requests, by %s: without it they would fail with 503", name, inWords(users, "and")),
			Instead: fmt.Sprintf("send them elsewhere first: kubectl mesh route shift %s --to VERSION", p.view.Service.Name),
		}
	}
	for _, d := range zero {
		p.dropZero(d, name)
	}
	for _, d := range holders {
		setItems(d.spec(), "subsets", slices.DeleteFunc(d.items("subsets"), func(s map[string]any) bool { return text(s, "name") == name }))
		d.unmark(name)
		d.because("removes subset %s", name)
		tidyRule(d)
	}
	return nil
}

// users are the rules of all VirtualServices that send requests, or copies of
// them, to a version; zero are those that only list it with a weight of 0.
func (p *planner) users(name string) (users []string, zero []*draft) {
	for _, u := range p.snapshot.Config[mesh.VirtualServices] {
		spec := &networking.VirtualService{}
		if into(u, spec) != nil {
			continue
		}
		src := virtualService(u, refOf(u), spec, nil)
		listed := false
		for _, e := range src.entries {
			for _, d := range e.rule.To {
				if d.Host != p.view.Host || d.Version != name {
					continue
				}
				listed = true
				if d.Share > 0 {
					users = append(users, src.ref.String()+" "+e.rule.Field)
				}
			}
			for _, m := range e.rule.Mirrors {
				if m.To.Host == p.view.Host && m.To.Version == name {
					users = append(users, src.ref.String()+" "+e.rule.Field+" (mirror)")
				}
			}
		}
		if listed {
			zero = append(zero, p.open(mesh.VirtualServices, u.GetNamespace(), u.GetName()))
		}
	}
	return users, zero
}

// dropZero takes a version that gets nothing out of an object's rules.
func (p *planner) dropZero(d *draft, name string) {
	for _, field := range []string{"http", "tcp", "tls"} {
		for _, raw := range d.items(field) {
			entries := itemsOf(raw, "route")
			left := slices.DeleteFunc(slices.Clone(entries), func(e map[string]any) bool {
				to, _ := e["destination"].(map[string]any)
				return text(to, "subset") == name && resolve(text(to, "host"), d.ref.Namespace) == p.view.Host
			})
			if len(left) < len(entries) {
				setItems(raw, "route", left)
				d.because("does not list %s any more, which got nothing", name)
			}
		}
	}
}
