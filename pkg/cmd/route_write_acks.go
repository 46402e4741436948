package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// The types of configuration that changes of routing reach proxies by
// (istio.io/istio 1.29.1, pkg/model/xds.go).
const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	routeType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// syncTypes are the types by which an expectation reaches the proxies.
func syncTypes(e route.Expect) []string {
	var types []string
	add := func(t string) {
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	for _, r := range e.Routes {
		if r.TCP {
			add(listenerType)
		} else {
			add(routeType)
		}
	}
	if len(e.Clusters) > 0 || len(e.Gone) > 0 || len(e.Policies) > 0 {
		add(clusterType)
	}
	if len(e.Unused) > 0 && len(types) == 0 {
		add(routeType)
	}
	return types
}

// reach finds out, before anything is written, whether the proxies can be
// looked at. Where they cannot, istiod is asked how far they are, by which the
// end can tell what it sent since; and a plan that must look between two writes
// is not begun.
func (p *passage) reach(ctx context.Context) error {
	why := p.blind
	if why == nil {
		hidden := p.proxies.OutOfReach(ctx)
		if len(hidden) == 0 {
			return nil
		}
		why = fmt.Errorf("may not create pods/portforward in namespace %s", hidden[0].Namespace)
	}
	if first, last := p.plan.Steps[0].Phase, p.plan.Steps[len(p.plan.Steps)-1].Phase; first != last {
		return fmt.Errorf("nothing was written: between its writes the change must be seen at the proxies, or requests could fail where they lag, and they cannot be looked at: %w (--wait=false writes without looking)", why)
	}
	p.syncs, p.deaf = cluster.ReadSyncs(ctx, p.query)
	return nil
}

// acknowledged is the end where not all proxies can be looked at, for the
// reason why: what istiod has sent since the change, and whether all proxies
// took it.
func (p *passage) acknowledged(ctx context.Context, undo, why string, unseen func(string, ...any) error) error {
	types := syncTypes(p.expected(len(p.plan.Steps)))
	switch {
	case p.deaf != nil:
		return unseen("not verified: %s; nor can istiod be asked: %v", why, p.deaf)
	case p.syncs == nil || len(types) == 0:
		return unseen("not verified: %s", why)
	}
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	stop := spin(p.ErrOut, "waiting for istiod's proxies to acknowledge")
	acks, err := cluster.AwaitAcks(limited, p.query, p.syncs, types)
	stop()
	switch {
	case ctx.Err() != nil:
		return unseen("interrupted while waiting: %d of %d proxies acknowledged it", acks.Acked, acks.Sent)
	case err != nil:
		return unseen("not verified: %s; nor can istiod be asked: %v", why, err)
	case acks.Sent == 0:
		return unseen("not verified: %s; istiod has sent it to no proxy after %s", why, p.timeout)
	case acks.Acked < acks.Sent:
		text := ""
		for proxy, refusal := range acks.Refused {
			text = fmt.Sprintf("; %s refuses it: %s", proxy, refusal)
		}
		return unseen("not verified: %s; istiod has sent it to %s, of which %d acknowledged it after %s%s", why, proxies(acks.Sent), acks.Acked, p.timeout, text)
	}
	fmt.Fprintf(p.ErrOut, "warning: %s: an acknowledged configuration is not yet one that is seen in use\n", printer.Clean(why))
	_, err = fmt.Fprintf(p.Out, "istiod sent it to %s, all acknowledged it; %s\n", proxies(acks.Sent), undo)
	return err
}
