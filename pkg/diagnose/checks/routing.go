package checks

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// routingNeeds are the kinds without which nothing is said of routing.
func routingNeeds() []mesh.Kind {
	return []mesh.Kind{mesh.Services, mesh.EndpointSlices, mesh.VirtualServices, mesh.DestinationRules}
}

// routingWants make what is said of routing whole.
func routingWants() []mesh.Kind {
	own, anywhere := route.Kinds()
	return append(append(own, anywhere...), mesh.Namespaces)
}

// routed is what package route finds wrong, under the names that its plans and
// views use too, worked out once for all checks.
type routed struct {
	all    []diagnose.Finding
	unsure []string
}

// routing is the check of that name, of those that package route decides.
func routing(name string, worst diagnose.Severity, doc string, aliases ...string) diagnose.Check {
	return diagnose.Check{
		Name: name, Area: diagnose.Routing, Severity: worst, Doc: doc, Aliases: aliases,
		Needs: routingNeeds(), Wants: routingWants(),
		Run: func(p *diagnose.Pass) []diagnose.Finding {
			r := diagnose.Once(p, "routing", append(routingNeeds(), routingWants()...), func(p *diagnose.Pass) routed {
				all, unsure := route.Findings(p.Snapshot, p.Scope.Has, p.Snapshot.Time)
				return routed{all, unsure}
			})
			if len(r.unsure) > 0 {
				p.Unsure(r.unsure[0])
			}
			var found []diagnose.Finding
			for _, f := range r.all {
				if f.Check == name {
					found = append(found, f)
				}
			}
			return found
		},
	}
}
