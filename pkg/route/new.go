package route

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// ManagedBy is the value of the label app.kubernetes.io/managed-by of objects
// that plans create.
const ManagedBy = "kubectl-mesh"

// managedByLabel says who made an object.
const managedByLabel = "app.kubernetes.io/managed-by"

// RouteMade is the annotation by which an object of somebody else says which of
// its rules (of a VirtualService) or subsets (of a DestinationRule) plans have
// added: their names, comma separated.
const RouteMade = "mesh.kubectl/route-made"

// New plans what an intent says for the state that the snapshot holds. It does
// no I/O, and its plan writes nothing by itself.
//
// Where all is as it shall be already, the plan has no steps and a note says
// so. A *RefusedError says that it must not or cannot be done, any other error
// that the intent makes no sense here: an unknown service or version, shares
// that do not add up.
func New(s *mesh.Snapshot, i Intent) (*Plan, error) {
	if err := oneAction(i); err != nil {
		return nil, err
	}
	v, err := Look(s, i.Namespace, i.Service)
	if err != nil {
		return nil, err
	}
	if i.API, err = choose(s, v, i); err != nil {
		return nil, err
	}
	p := &planner{snapshot: s, intent: i, api: i.API}
	if p.view, err = p.look(s); err != nil {
		return nil, err
	}
	if err := p.known(); err != nil {
		return nil, err
	}
	if err := p.act(); err != nil {
		return nil, err
	}
	return p.finish()
}

// look says how the service is routed, with the versions that rules of the
// planner's API can name.
func (p *planner) look(s *mesh.Snapshot) (*View, error) {
	return lookAs(s, p.intent.Namespace, p.intent.Service, p.api)
}

// known makes sure that what routes the service could be read: what is not seen
// must not be planned as if it were not there.
func (p *planner) known() error {
	kinds := []mesh.Kind{mesh.VirtualServices, mesh.DestinationRules}
	if p.api == Gateway {
		kinds = append(kinds, mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes)
	}
	ns := p.view.Service.Namespace
	for _, kind := range kinds {
		for _, g := range p.snapshot.Missing(kind) {
			if !p.snapshot.Complete(kind, ns) && (g.Namespace == "" || g.Namespace == ns) {
				return fmt.Errorf("what routes service %s is not known: %s", p.view.Service.Name, g)
			}
		}
	}
	return nil
}

// oneAction makes sure that something is asked for, and one thing alone.
func oneAction(i Intent) error {
	set := 0
	for _, is := range []bool{
		i.Shift != nil, i.Match != nil, i.Fault != nil, i.Timeout != nil, i.Retry != nil,
		i.Mirror != nil, i.Breaker != nil, i.TCP != nil, i.Subset != nil, i.Reset != nil,
	} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("an intent has one action, this has %d", set)
	}
	return nil
}

// choose is the API to plan with: the one asked for, else the one in force,
// else Istio's where its objects are served.
func choose(s *mesh.Snapshot, v *View, i Intent) (API, error) {
	istio, gateway := served(s, "networking.istio.io/"), served(s, gatewayGroup)
	api := i.API
	if api == None {
		api = v.API
	}
	if i.API == None && i.Subset != nil && i.Subset.Service {
		api = Gateway
	}
	switch {
	case api == Istio && !istio:
		return "", errors.New("the cluster does not serve Istio's routing objects (networking.istio.io): install Istio's CRDs, or use --api gateway")
	case api == Gateway && !gateway:
		return "", errors.New("the cluster does not serve Gateway API (gateway.networking.k8s.io): install its CRDs, or use --api istio")
	case api != None:
		return api, nil
	case istio:
		return Istio, nil
	case gateway:
		return Gateway, nil
	}
	return "", errors.New("the cluster serves neither Istio's routing objects (networking.istio.io) nor Gateway API (gateway.networking.k8s.io): install the CRDs of one")
}

// served reports whether a group is served, which is also believed where the
// groups are not known: the API server will say.
func served(s *mesh.Snapshot, group string) bool {
	if len(s.Facts.APIGroups) == 0 {
		return true
	}
	for _, g := range s.Facts.APIGroups {
		if strings.HasPrefix(g, group) {
			return true
		}
	}
	return false
}
