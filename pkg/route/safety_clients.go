package route

import (
	"cmp"
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// waypointLabel names the waypoint that requests to a service, or to all of a
// namespace, go through (istio.io/api label.IoIstioUseWaypoint).
const waypointLabel = "istio.io/use-waypoint"

// clients looks at who follows rules of the mesh, and at what TCP rules cost.
func (v *verdict) clients() {
	inMesh := false
	for _, r := range v.rules {
		inMesh = inMesh || r.table.Scope == meshScope
		if r.rule.Protocol == "tcp" {
			v.add("tcp-drains-connections", diagnose.Warning, r.draft.ref, r.rule.Field, "rules for TCP stand in the proxies' listeners: open connections are closed after the drain time (45s by default) when they change")
		}
	}
	if !inMesh {
		return
	}
	if v.view.Headless {
		v.plan.Notes = append(v.plan.Notes, "service "+v.view.Service.Name+" is headless: sidecars connect to the address that the client picked, so versions and weights have no effect on them")
	}
	if svc := v.service(); svc != nil && withoutWaypoint(v.snapshot, svc) {
		v.add("ambient-without-waypoint", diagnose.Error, v.view.Service, "", "service %s is in ambient mode without a waypoint: nothing would follow the rules; make one (istioctl waypoint apply -n %s --enroll-namespace)", v.view.Service.Name, v.view.Service.Namespace)
		return
	}
	v.sidecars()
}

// withoutWaypoint reports whether a service's clients have no proxy that reads
// rules: its namespace is in ambient mode, none of its pods has a sidecar, and
// no waypoint is named.
func withoutWaypoint(s *mesh.Snapshot, svc *core.Service) bool {
	at := slices.IndexFunc(s.Namespaces, func(ns *core.Namespace) bool { return ns.Name == svc.Namespace })
	if at < 0 || s.Namespaces[at].Labels[mesh.AmbientLabel] != "ambient" {
		return false
	}
	if at := cmp.Or(svc.Labels[waypointLabel], s.Namespaces[at].Labels[waypointLabel]); at != "" && at != "none" {
		return false
	}
	return !slices.ContainsFunc(s.Pods, func(p *core.Pod) bool {
		return p.Namespace == svc.Namespace && mesh.InMesh(p)
	})
}

func (v *verdict) service() *core.Service {
	for _, svc := range v.snapshot.Services {
		if svc.Namespace == v.view.Service.Namespace && svc.Name == v.view.Service.Name {
			return svc
		}
	}
	return nil
}

// sidecars counts the pods of the service's namespace that follow no rules,
// having no proxy.
func (v *verdict) sidecars() {
	bare, with := 0, 0
	for _, p := range v.snapshot.Pods {
		if p.Namespace != v.view.Service.Namespace || mesh.Done(p) {
			continue
		}
		if mesh.InMesh(p) {
			with++
		} else if !mesh.Ambient(p) {
			bare++
		}
	}
	switch {
	case bare == 0:
	case with == 0:
		v.add("client-without-sidecar", diagnose.Warning, v.view.Service, "", "no pod of namespace %s has a sidecar (%d have none): clients there follow no rules", v.view.Service.Namespace, bare)
	default:
		v.add("client-without-sidecar", diagnose.Info, v.view.Service, "", "%s of namespace %s have no sidecar: as clients they follow no rules", plural(bare, "pod"), v.view.Service.Namespace)
	}
}
