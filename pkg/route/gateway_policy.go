package route

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// gatewayBreaker bounds connections by a DestinationRule for the Service itself,
// or for the one that stands for a version: Gateway API has no limits.
func (p *planner) gatewayBreaker(b Breaker) error {
	name := p.view.Service.Name
	if b.Version != "" {
		if b.Clear && !p.version(b.Version).defined() {
			return p.noSuchVersion(b.Version, nil)
		}
		if err := p.mustVersion(b.Version); err != nil {
			return err
		}
		name = p.serviceFor(b.Version)
	} else if versions := p.routedVersions(); len(versions) > 0 && !b.Clear {
		p.note("the limits hold for requests that go to Service %s itself: rules send requests to %s, for which limits are set one by one (route breaker %s/VERSION)", name, inWords(versions, "and"), name)
	}
	s := withDrafts(p.snapshot, p.drafts)
	v, err := lookAs(s, p.view.Service.Namespace, name, Istio)
	if err != nil {
		return err
	}
	b.Version = ""
	host := &planner{snapshot: s, view: v, intent: p.intent, api: Istio}
	if err := host.breaker(b); err != nil {
		return err
	}
	p.drafts, p.notes = append(p.drafts, host.drafts...), append(p.notes, host.notes...)
	return nil
}

// routedVersions are the versions that rules send requests to.
func (p *planner) routedVersions() []string {
	var all []string
	for _, v := range p.view.Versions {
		for _, t := range p.view.Tables {
			for _, r := range t.Rules {
				for _, d := range r.To {
					if version, ours := p.versionAt(d.Host); ours && version == v.Name && d.Share > 0 && !slices.Contains(all, v.Name) {
						all = append(all, v.Name)
					}
				}
			}
		}
	}
	return all
}

// gatewayReset takes away what plans made, or all routes of the service; then
// the Services of versions that plans made and that no rule names.
func (p *planner) gatewayReset(r Reset) error {
	if r.Expired {
		p.note("routes of Gateway API have no faults")
		return nil
	}
	if _, err := p.resetRules(r); err != nil {
		return err
	}
	for _, v := range p.view.Versions {
		if v.From.Kind != "Service" {
			continue
		}
		d := p.open(mesh.Services, v.From.Namespace, v.From.Name)
		if d == nil || !d.ours() {
			continue
		}
		if user := p.stillRouted(v.From); user != "" {
			p.note("Service %s stays: %s names it", v.From.Name, user)
			continue
		}
		d.after = nil
		d.because("removes the Service that stands for version %s", v.Name)
	}
	return nil
}

// stillRouted is a route that names a Service and that stays.
func (p *planner) stillRouted(service mesh.Ref) string {
	host := fqdn(service.Namespace, service.Name)
	for _, kind := range []mesh.Kind{mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes} {
		for _, u := range p.snapshot.Config[kind] {
			spec, _ := u.Object["spec"].(map[string]any)
			for _, d := range p.drafts {
				if d.kind != kind || d.ref != refOf(u) {
					continue
				}
				if spec = nil; d.after != nil {
					spec = d.spec()
				}
			}
			for _, raw := range itemsOf(spec, "rules") {
				for _, e := range append(itemsOf(raw, "backendRefs"), mirrorsIn(raw)...) {
					if backendAt(e, u.GetNamespace()) == host {
						return fmt.Sprintf("%s/%s", u.GetKind(), u.GetName())
					}
				}
			}
		}
	}
	return ""
}
