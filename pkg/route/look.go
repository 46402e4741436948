package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// FaultReview is the annotation by which a VirtualService says when somebody
// wanted to look at its faults again (RFC 3339). Nothing removes a fault by it.
const FaultReview = "mesh.kubectl/fault-review"

// Kinds lists the kinds that Look reads: those of a service's own namespace,
// and those that govern it from any namespace.
func Kinds() (own, anywhere []mesh.Kind) {
	return []mesh.Kind{mesh.Services, mesh.EndpointSlices, mesh.Pods, mesh.ConfigMaps},
		[]mesh.Kind{
			mesh.VirtualServices, mesh.DestinationRules, mesh.Gateways, mesh.Sidecars, mesh.ServiceEntries,
			mesh.KubernetesGateways, mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes,
		}
}

// UnknownServiceError says that there is no such service, and which are there
// that are called alike.
type UnknownServiceError struct {
	Namespace, Name string
	Near            []string // names in the namespace, or NAMESPACE/NAME elsewhere
	Gap             string   // why it may be there nevertheless; empty where all services were read
}

// Error names the service and what to try instead.
func (e *UnknownServiceError) Error() string {
	text := fmt.Sprintf("there is no service %q in namespace %q", e.Name, e.Namespace)
	if e.Gap != "" {
		return fmt.Sprintf("service %q in namespace %q was not found: %s", e.Name, e.Namespace, e.Gap)
	}
	if len(e.Near) > 0 {
		text += "; did you mean " + inWords(e.Near, "or") + "?"
	}
	return text
}

// Look says how the traffic of one service is routed, as Istio 1.29 takes the
// snapshot's objects. What could not be read stands in the view's Unknown. The
// error is an *UnknownServiceError.
func Look(s *mesh.Snapshot, namespace, service string) (*View, error) {
	return lookAs(s, namespace, service, None)
}

// lookAs is Look with the versions that rules of an API can name; None for the
// API in force.
func lookAs(s *mesh.Snapshot, namespace, service string, api API) (*View, error) {
	for _, svc := range s.Services {
		if svc.Namespace == namespace && svc.Name == service {
			return newIndex(s).owned(svc, api), nil
		}
	}
	e := &UnknownServiceError{Namespace: namespace, Name: service, Near: near(s, namespace, service)}
	if s.Complete(mesh.Services, namespace) {
		return nil, e
	}
	for _, g := range s.Missing(mesh.Services) {
		if g.Namespace == "" || g.Namespace == namespace {
			e.Gap = g.String()
		}
	}
	return nil, e
}

// All says it of every service of the snapshot, by namespace and name.
func All(s *mesh.Snapshot) []*View {
	x := newIndex(s)
	views := make([]*View, 0, len(s.Services))
	for _, svc := range s.Services {
		views = append(views, x.owned(svc, None))
	}
	slices.SortFunc(views, func(a, b *View) int { return a.Service.Compare(b.Service) })
	return views
}

// owned is view, with who keeps the objects.
func (x *index) owned(svc *core.Service, api API) *View {
	v := x.view(svc, api)
	x.owners(v)
	return v
}

// view puts together what the index knows of a service, with the versions of an
// API; None for the one in force.
func (x *index) view(svc *core.Service, api API) *View {
	v := &View{
		Service: mesh.RefTo(mesh.Services, svc.Namespace, svc.Name),
		Host:    fqdn(svc.Namespace, svc.Name),
		Ports:   ports(svc), Headless: svc.Spec.ClusterIP == core.ClusterIPNone,
		Owners: map[mesh.Ref]*mesh.Owner{},
	}
	v.Ready, v.Pods = x.endpoints(svc, nil)
	l := &look{index: x, service: svc, view: v}
	l.mesh()
	l.gateways()
	if api == None {
		api = v.API
	}
	l.versions(api)
	l.policies()
	l.destinationRules()
	l.hosts()
	l.sidecars()
	v.Unknown = x.unknown(svc.Namespace, v.Host)
	slices.SortStableFunc(v.Conflicts, func(a, b Conflict) int { return cmp.Compare(a.Check, b.Check) })
	return v
}

// look is a view in the making.
type look struct {
	*index
	service *core.Service
	view    *View
}

// unknown says what was not read and may change a view of this namespace.
func (x *index) unknown(namespace, hostname string) []string {
	var all []string
	own, anywhere := Kinds()
	for _, k := range append(own, anywhere...) {
		if k == mesh.ConfigMaps || k == mesh.Sidecars || k == mesh.ServiceEntries {
			continue // their defaults hold nearly everywhere
		}
		if slices.Contains(own, k) && x.s.Complete(k, namespace) || x.s.Complete(k, "") {
			continue
		}
		for _, g := range x.s.Missing(k) {
			if g.Namespace == "" || g.Namespace == namespace || !slices.Contains(own, k) {
				all = append(all, g.String())
			}
		}
	}
	for _, b := range x.broken {
		if slices.ContainsFunc(b.hosts, func(h string) bool { return covers(h, hostname) }) {
			all = append(all, b.why)
		}
	}
	return all
}

// owners finds who keeps the objects that govern the service.
func (x *index) owners(v *View) {
	note := func(ref mesh.Ref) {
		if o := x.objects[ref]; o != nil {
			if owner := mesh.OwnerOf(o); owner != nil {
				v.Owners[ref] = owner
			}
		}
	}
	for _, t := range v.Tables {
		note(t.From)
		for _, ref := range t.Merged {
			note(ref)
		}
		for _, r := range t.Rules {
			note(r.From)
		}
	}
	for _, v := range v.Versions {
		note(v.From)
	}
	for _, p := range v.Policies {
		note(p.From)
	}
}

// near finds services that are called alike: of that name elsewhere, or of a
// name that is a slip of the finger away.
func near(s *mesh.Snapshot, namespace, name string) []string {
	var here, there []string
	for _, svc := range s.Services {
		switch {
		case svc.Namespace == namespace && alike(svc.Name, name):
			here = append(here, svc.Name)
		case svc.Namespace != namespace && svc.Name == name:
			there = append(there, svc.Namespace+"/"+svc.Name)
		}
	}
	slices.Sort(here)
	slices.Sort(there)
	all := append(here, there...)
	return all[:min(len(all), 3)]
}

// alike reports whether two names differ by at most two letters, or one begins
// with the other.
func alike(a, b string) bool {
	if strings.HasPrefix(a, b) || strings.HasPrefix(b, a) && len(a) > 2 {
		return true
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)] <= 2
}
