package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// untaken waits until istiod has looked at the routes of Gateway API that were
// written, and says what is wrong with one; empty where it takes them all, or
// has said nothing in time: the proxies tell then.
func (p *passage) untaken(ctx context.Context) string {
	var routes []mesh.Change
	for _, s := range p.plan.Steps {
		if strings.HasPrefix(s.Ref.APIVersion, "gateway.networking.k8s.io/") && s.Write != mesh.Delete {
			routes = append(routes, mesh.Change{Ref: s.Ref, Resource: s.Resource})
		}
	}
	if len(routes) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	stop := spin(p.ErrOut, "waiting for istiod to take the routes")
	defer stop()
	for {
		now, err := cluster.Current(ctx, p.query, routes)
		if err != nil {
			return ""
		}
		all := true
		for _, u := range now {
			if u == nil {
				continue
			}
			settled, lacks := route.Accepted(u)
			if lacks != "" {
				return lacks
			}
			all = all && settled
		}
		if all {
			return ""
		}
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(200 * time.Millisecond):
		}
	}
}
