package cmd

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
	own, anywhere = append(own, mesh.Namespaces), append(anywhere, mesh.APIGroups)
	here, there := q, q
	here.Kinds, here.Namespaces = own, []string{namespace}
	there.Kinds = anywhere
	var all sync.WaitGroup
	var s, more *mesh.Snapshot
	var err, moreErr error
	all.Go(func() { s, err = cluster.Read(ctx, here) })
	all.Go(func() { more, moreErr = cluster.Read(ctx, there) })
	all.Wait()
	if err != nil {
		return nil, err
	}
	if moreErr != nil {
		return nil, moreErr
	}
	s = joined(s, more)
	s.Facts = more.Facts
	var missing []mesh.Kind
	for _, g := range more.Gaps {
		if g.Verb != "" && g.Namespace == "" && g.Kind != mesh.APIGroups {
			missing = append(missing, g.Kind)
		}
	}
	if missing == nil {
		return s, nil
	}
	here.Kinds = missing
	if more, err = cluster.Read(ctx, here); err != nil {
		return nil, err
	}
	return joined(s, more), nil
}

// joined is a snapshot of what two have read, which is of different kinds or of
// other namespaces.
func joined(a, b *mesh.Snapshot) *mesh.Snapshot {
	n := *a
	n.Config = map[mesh.Kind][]*unstructured.Unstructured{}
	n.Read, n.Gaps = slices.Concat(a.Read, b.Read), slices.Concat(a.Gaps, b.Gaps)
	for _, i := range mesh.Kinds() {
		if i.Fact() || i.Typed {
			continue
		}
		n.Config[i.Kind] = slices.Concat(a.Config[i.Kind], b.Config[i.Kind])
	}
	return &n
}
