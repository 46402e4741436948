package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// rolloutKinds are what tells how far the pods of a namespace are.
func rolloutKinds() []mesh.Kind {
	return []mesh.Kind{mesh.Deployments, mesh.StatefulSets, mesh.DaemonSets, mesh.ReplicaSets, mesh.Jobs, mesh.CronJobs, mesh.Pods, mesh.Events}
}

// Follow looks at the workloads and pods of a namespace every so often and
// shows what it sees, until see says that it is enough, or ctx ends, whose
// error it returns then. A look that failed in part (a timeout, a server that
// starts anew) is shown with its gaps, and the next may do better; without the
// right to look it ends at once.
func Follow(ctx context.Context, q Query, namespace string, every time.Duration, see func(*mesh.Snapshot) (enough bool)) error {
	c, err := connect(q)
	if err != nil {
		return err
	}
	now := q.Now
	if now == nil {
		now = time.Now
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s := look(ctx, c, namespace)
		s.Time = now().UTC().Truncate(time.Second)
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, g := range s.Gaps {
			if g.Verb != "" && g.Kind != mesh.Events { // without events only words are missing
				return fmt.Errorf("cannot follow what happens in namespace %s: %w", namespace, errors.New(g.String()))
			}
		}
		if see(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look reads the kinds of one namespace once.
func look(ctx context.Context, c *connection, namespace string) *mesh.Snapshot {
	r := newReading(c, Query{Kinds: rolloutKinds(), Namespaces: []string{namespace}})
	var all sync.WaitGroup
	for _, i := range r.kinds {
		all.Go(func() { r.each(ctx, i, r.namespaces) })
	}
	all.Wait()
	s := r.objects.snapshot()
	s.Source, s.Read, s.Gaps = c.source, r.extents, r.gaps
	order(s)
	return s
}
