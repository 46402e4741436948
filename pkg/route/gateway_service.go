package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// serviceObject is the service as it was read; nil where it is not there.
func serviceObject(s *mesh.Snapshot, namespace, name string) *core.Service {
	for _, svc := range s.Services {
		if svc.Namespace == namespace && svc.Name == name {
			return svc
		}
	}
	return nil
}

// selector is what the service selects its pods by.
func (p *planner) selector() map[string]string {
	if svc := serviceObject(p.snapshot, p.view.Service.Namespace, p.view.Service.Name); svc != nil {
		return svc.Spec.Selector
	}
	return nil
}

// addService makes the Service that stands for a version: it has the service's
// ports, and selects those of its pods that carry the labels too.
func (p *planner) addService(version string, labels map[string]string) error {
	svc := serviceObject(p.snapshot, p.view.Service.Namespace, p.view.Service.Name)
	name := p.serviceFor(version)
	switch {
	case svc == nil || len(svc.Spec.Selector) == 0:
		return fmt.Errorf("service %s selects no pods, so no Service for a version can be made of it", p.view.Service.Name)
	case serviceObject(p.snapshot, svc.Namespace, name) != nil:
		return fmt.Errorf("service %s is there and selects other pods than those of version %s: give the version another name", name, version)
	}
	selector := maps.Clone(svc.Spec.Selector)
	for k, v := range labels {
		if have, ok := selector[k]; ok && have != v {
			return fmt.Errorf("service %s selects %s=%s: no pod of it can have %s=%s", svc.Name, k, have, k, v)
		}
		selector[k] = v
	}
	var ports []any
	for _, port := range svc.Spec.Ports {
		port.NodePort = 0
		raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&port)
		if err != nil {
			return err
		}
		if port.TargetPort.IntValue() == 0 && port.TargetPort.StrVal == "" {
			delete(raw, "targetPort") // the API server fills it in
		}
		ports = append(ports, raw)
	}
	spec := map[string]any{"ports": ports, "selector": map[string]any{}}
	for k, v := range selector {
		child(spec, "selector")[k] = v
	}
	d := newDraft(mesh.Services, svc.Namespace, name, spec)
	d.because("makes the Service that stands for version %s (%s)", version, selectorWords(selector))
	p.drafts = append(p.drafts, d)
	return nil
}

// subsetService adds, removes or completes versions as Services.
func (p *planner) subsetService(s Subset) error {
	switch {
	case s.Add != "":
		labels := s.Labels
		if len(labels) == 0 {
			labels = map[string]string{podVersion: s.Add}
		}
		v := p.version(s.Add)
		if !v.defined() {
			return p.addService(s.Add, labels)
		}
		if carries(v.Labels, labels) {
			return nil
		}
		return fmt.Errorf("version %s is there with other labels (%s, by %s): remove it first, or take another name", s.Add, selectorWords(v.Labels), v.From)
	case s.Remove != "":
		return p.removeService(s.Remove)
	case s.Auto:
		return p.subsetAuto()
	}
	return errors.New("nothing to do is given: add, remove or --auto")
}

// removeService takes the Service of a version away that no rule sends requests
// to. One that others made may be called by its own name, and stays.
func (p *planner) removeService(version string) error {
	v := p.version(version)
	if !v.defined() {
		return nil
	}
	d := p.open(mesh.Services, v.From.Namespace, v.From.Name)
	if d == nil {
		return nil
	}
	users, zero := p.backendUsers(v.From)
	switch {
	case len(users) > 0:
		return &RefusedError{
			Check:   "subset-missing",
			Why:     fmt.Sprintf("version %s is still sent requests, by %s: without it they would fail with 500", version, inWords(users, "and")),
			Instead: fmt.Sprintf("send them elsewhere first: kubectl mesh route shift %s --to VERSION", p.view.Service.Name),
		}
	case !d.ours():
		return &RefusedError{
			Why:     fmt.Sprintf("%s was not made by kubectl mesh, and clients may call it by its name", d.ref),
			Instead: fmt.Sprintf("where none does, delete it: kubectl -n %s delete service %s", d.ref.Namespace, d.ref.Name),
		}
	}
	for _, route := range zero {
		p.dropBackend(route, v.From)
	}
	d.after = nil
	d.because("removes the Service that stands for version %s", version)
	return nil
}

// backendUsers are the rules of all routes that send requests, or copies of
// them, to a Service; zero are the routes that list it with a weight of 0.
func (p *planner) backendUsers(service mesh.Ref) (users []string, zero []*draft) {
	host := fqdn(service.Namespace, service.Name)
	for _, kind := range []mesh.Kind{mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes} {
		for _, u := range p.snapshot.Config[kind] {
			spec, _ := u.Object["spec"].(map[string]any)
			listed := false
			for i, raw := range itemsOf(spec, "rules") {
				for _, e := range itemsOf(raw, "backendRefs") {
					if backendAt(e, u.GetNamespace()) != host {
						continue
					}
					listed = true
					if e["weight"] == nil || whole(e["weight"]) > 0 {
						users = append(users, refOf(u).String()+" "+ruleField(i))
					}
				}
				for _, m := range mirrorsIn(raw) {
					if backendAt(m, u.GetNamespace()) == host {
						users = append(users, refOf(u).String()+" "+ruleField(i)+" (mirror)")
					}
				}
			}
			if listed {
				zero = append(zero, p.open(kind, u.GetNamespace(), u.GetName()))
			}
		}
	}
	return users, zero
}

// dropBackend takes a Service that gets nothing out of a route's rules.
func (p *planner) dropBackend(d *draft, service mesh.Ref) {
	for _, raw := range d.items("rules") {
		entries := itemsOf(raw, "backendRefs")
		left := slices.DeleteFunc(slices.Clone(entries), func(e map[string]any) bool {
			return backendAt(e, d.ref.Namespace) == fqdn(service.Namespace, service.Name)
		})
		if len(left) < len(entries) {
			setItems(raw, "backendRefs", left)
			d.because("does not list %s any more, which got nothing", service.Name)
		}
	}
}

// objectsOf are a snapshot's objects of a kind as plans edit them.
func objectsOf(s *mesh.Snapshot, kind mesh.Kind) []*unstructured.Unstructured {
	if kind != mesh.Services {
		return s.Config[kind]
	}
	var all []*unstructured.Unstructured
	for _, svc := range s.Services {
		raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(svc)
		if err != nil {
			continue // what came as a Service can be written as one
		}
		u := &unstructured.Unstructured{Object: raw}
		ref := mesh.RefTo(kind, svc.Namespace, svc.Name)
		u.SetAPIVersion(ref.APIVersion)
		u.SetKind(ref.Kind)
		unstructured.RemoveNestedField(u.Object, "status")
		unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
		all = append(all, u)
	}
	return all
}

// withService puts a Service into a snapshot as it will be, with the endpoints
// that it will have: those pods of its namespace that it selects and that are
// endpoints already.
func withService(s *mesh.Snapshot, d *draft) {
	s.Services = slices.DeleteFunc(slices.Clone(s.Services), func(o *core.Service) bool {
		return o.Namespace == d.ref.Namespace && o.Name == d.ref.Name
	})
	if d.after == nil {
		return
	}
	svc := &core.Service{}
	if err := unmarshal(d.after.Object, svc); err != nil {
		return // the API server will say what is wrong with it
	}
	s.Services = append(s.Services, svc)
	if d.before == nil {
		s.EndpointSlices = append(slices.Clone(s.EndpointSlices), endpointsOf(s, svc))
	}
}

// endpointsOf predicts a new Service's endpoints.
func endpointsOf(s *mesh.Snapshot, svc *core.Service) *discovery.EndpointSlice {
	selected := map[string]bool{}
	for _, pod := range s.Pods {
		if pod.Namespace == svc.Namespace && carries(pod.Labels, svc.Spec.Selector) {
			selected[pod.Name] = true
		}
	}
	slice := &discovery.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: svc.Namespace, Name: svc.Name, Labels: map[string]string{discovery.LabelServiceName: svc.Name},
	}}
	for _, e := range s.EndpointSlices {
		if e.Namespace != svc.Namespace {
			continue
		}
		for _, ep := range e.Endpoints {
			if ep.TargetRef != nil && ep.TargetRef.Kind == "Pod" && selected[ep.TargetRef.Name] {
				slice.Endpoints = append(slice.Endpoints, ep)
			}
		}
	}
	return slice
}
