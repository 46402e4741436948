package cmd

import (
	"context"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// planned plans an intent for what the cluster is when it is called.
func (w *routeWrite) planned(i route.Intent) func(context.Context) (*route.Plan, error) {
	return func(ctx context.Context) (*route.Plan, error) {
		s, err := readNeighbourhood(ctx, w.query, w.namespace)
		if err != nil {
			return nil, err
		}
		return route.New(s, i)
	}
}

// readNeighbourhood reads what decides how the services of one namespace are
// routed: what is in it, and the routing objects of all namespaces, or of this
// one where the user may read no other.
func readNeighbourhood(ctx context.Context, q cluster.Query, namespace string) (*mesh.Snapshot, error) {
	own, anywhere := route.Kinds()
	q.Kinds = slices.Concat(own, anywhere, []mesh.Kind{mesh.Namespaces, mesh.APIGroups})
	q.Namespaces, q.Anywhere = []string{namespace}, anywhere
	return cluster.Read(ctx, q)
}
