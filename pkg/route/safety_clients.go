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
	if v.ambient() {
		v.add("ambient-without-waypoint", diagnose.Error, v.view.Service, "", "service %s is in ambient mode without a waypoint: nothing would follow the rules; make one (istioctl waypoint apply -n %s --enroll-namespace)", v.view.Service.Name, v.view.Service.Namespace)
		return
	}
	v.sidecars()
}

// ambient reports whether the service's clients have no proxy that reads rules:
// its namespace is in ambient mode, none of its pods has a sidecar, and no
// waypoint is named.
func (v *verdict) ambient() bool {
	ns, svc := v.namespace(), v.service()
	if svc == nil || ns == nil || ns.Labels[mesh.AmbientLabel] != "ambient" {
		return false
	}
	if at := cmp.Or(svc.Labels[waypointLabel], ns.Labels[waypointLabel]); at != "" && at != "none" {
		return false
	}
	return !slices.ContainsFunc(v.snapshot.Pods, func(p *core.Pod) bool {
		return p.Namespace == ns.Name && mesh.InMesh(p)
	})
}

func (v *verdict) namespace() *core.Namespace {
	for _, ns := range v.snapshot.Namespaces {
		if ns.Name == v.view.Service.Namespace {
			return ns
		}
	}
	return nil
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
