package route

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// podVersion is the label that names a pod's version.
const podVersion = "version"

// endpoints counts a service's ready endpoints, and its pods, of those that
// carry all of some labels; -1 for what is not known. An endpoint without a
// ready condition is ready (k8s.io/api/discovery/v1: EndpointConditions).
func (x *index) endpoints(svc *core.Service, of map[string]string) (ready, pods int) {
	ready, pods = -1, -1
	if x.s.Complete(mesh.Pods, svc.Namespace) && len(svc.Spec.Selector) > 0 {
		pods = 0
		for _, p := range x.podsOf(svc) {
			if carries(p.Labels, of) {
				pods++
			}
		}
	}
	if !x.s.Complete(mesh.EndpointSlices, svc.Namespace) || len(of) > 0 && !x.s.Complete(mesh.Pods, svc.Namespace) {
		return ready, pods
	}
	seen := map[string]bool{}
	for _, e := range x.slices[fqdn(svc.Namespace, svc.Name)] {
		for _, ep := range e.Endpoints {
			if ep.Conditions.Ready != nil && !*ep.Conditions.Ready {
				continue
			}
			at := strings.Join(ep.Addresses, ",")
			var carried map[string]string
			if ep.TargetRef != nil && ep.TargetRef.Kind == "Pod" {
				at = ep.TargetRef.Name
				if p := x.byName[svc.Namespace+"/"+at]; p != nil {
					carried = p.Labels
				}
			}
			if carries(carried, of) {
				seen[at] = true
			}
		}
	}
	return len(seen), pods
}

// podsOf are the pods that a service selects and that have not ended.
func (x *index) podsOf(svc *core.Service) []*core.Pod {
	key := anyKey(svc.Spec.Selector)
	if key == "" {
		return nil
	}
	var all []*core.Pod
	for _, p := range x.pods[svc.Namespace+"/"+key+"="+svc.Spec.Selector[key]] {
		if carries(p.Labels, svc.Spec.Selector) {
			all = append(all, p)
		}
	}
	return all
}

// carries reports whether a set of labels holds all of another.
func carries(have, want map[string]string) bool {
	for key, value := range want {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// versions lists the groups of endpoints that rules of an API can name, and those
// that pods' labels suggest. For no API, Services count where there are no
// subsets.
func (l *look) versions(api API) {
	add := func(v Version) {
		if !slices.ContainsFunc(l.view.Versions, func(have Version) bool { return have.Name == v.Name }) {
			l.view.Versions = append(l.view.Versions, v)
		}
	}
	if m := l.rules.effective(l.service.Namespace, l.service.Namespace, l.view.Host); api != Gateway && m != nil {
		for _, s := range m.subsets {
			v := Version{Name: s.name, Labels: s.labels, From: s.from}
			v.Ready, v.Pods = l.endpoints(l.service, s.labels)
			add(v)
		}
	}
	if api == Gateway || api == None && len(l.view.Versions) == 0 {
		for _, svc := range l.versionServices() {
			v := Version{Name: l.versionOf(fqdn(svc.Namespace, svc.Name), meshGateway), Labels: svc.Spec.Selector, From: mesh.RefTo(mesh.Services, svc.Namespace, svc.Name)}
			v.Ready, v.Pods = l.endpoints(svc, nil)
			add(v)
		}
	}
	for _, p := range l.podsOf(l.service) {
		name := p.Labels[podVersion]
		of := map[string]string{podVersion: name}
		known := slices.ContainsFunc(l.view.Versions, func(v Version) bool {
			return v.From != (mesh.Ref{}) && v.Labels[podVersion] == name
		})
		if name == "" || known {
			continue
		}
		v := Version{Name: name, Labels: of}
		v.Ready, v.Pods = l.endpoints(l.service, of)
		add(v)
	}
	slices.SortFunc(l.view.Versions, func(a, b Version) int { return cmp.Compare(a.Name, b.Name) })
}

// versionServices are the Services that stand for versions of this one: those
// that routes for it name, and those called SERVICE-SOMETHING that select some
// of its pods.
func (l *look) versionServices() []*core.Service {
	var found []*core.Service
	if len(l.service.Spec.Selector) > 0 {
		for _, svc := range l.byNS[l.service.Namespace] {
			narrower := len(svc.Spec.Selector) > len(l.service.Spec.Selector) && carries(svc.Spec.Selector, l.service.Spec.Selector)
			if narrower && strings.HasPrefix(svc.Name, l.service.Name+"-") {
				found = append(found, svc)
			}
		}
	}
	for _, h := range l.backends[l.view.Host] {
		if svc := l.services[h]; svc != nil && svc != l.service && !slices.Contains(found, svc) {
			found = append(found, svc)
		}
	}
	return found
}

// selectorWords is a set of labels as kubectl takes it: "version=v2".
func selectorWords(of map[string]string) string { return labels.Set(maps.Clone(of)).String() }
