package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// write notes the change in the history, writes its steps with a look at the
// proxies between two phases, and looks at the end.
func (w *routeWrite) write(ctx context.Context, plan *route.Plan, prepared *cluster.Prepared, notes *notes, entry *route.Entry) error {
	p := &passage{routeWrite: w, plan: plan}
	if w.wait {
		p.find(ctx)
		if err := p.reach(ctx); err != nil {
			return err
		}
	}
	if !w.finishes { // what is finished was noted when it began
		entry.Objects = entryObjects(plan)
		if err := notes.begin(ctx, w, entry); err != nil {
			return err
		}
	}
	err := prepared.CommitBetween(ctx, cluster.Between{Write: p.between, Undone: p.undone})
	after := context.WithoutCancel(ctx) // what was begun is noted to the end
	if err != nil {
		var failed *cluster.ApplyError
		if errors.As(err, &failed) && len(failed.Left) == 0 && !w.finishes { // its first half still stands
			notes.end(after, w, entry, route.RolledBack)
		}
		return err
	}
	w.fill(plan, prepared)
	if !w.finishes {
		entry.Objects = entryObjects(plan)
	}
	notes.end(after, w, entry, route.Done)
	w.revision = entry.Revision
	if err := w.said(plan); err != nil {
		return err
	}
	return p.final(ctx)
}

// entryObjects are the objects of a plan as the history keeps them.
func entryObjects(plan *route.Plan) []route.EntryObject {
	var all []route.EntryObject
	for _, s := range plan.Steps {
		o := route.EntryObject{Ref: s.Ref, Write: s.Write, Before: route.Recorded(s.Before)}
		if s.Write != mesh.Delete {
			o.After = route.Recorded(s.After)
		}
		all = append(all, o)
	}
	return all
}

// passage is a plan that is being written, and the proxies that it has to reach.
type passage struct {
	*routeWrite
	plan    *route.Plan
	proxies *cluster.Proxies // nil: not looked at
	blind   error            // why they cannot be looked at
	syncs   cluster.Syncs    // how far they are before the first write, as istiod knows it; nil: not asked
	deaf    error            // why istiod cannot be asked
}

func (p *passage) host() string { return p.service + "." + p.namespace + ".svc.cluster.local" }

// find looks for the proxies.
func (p *passage) find(ctx context.Context) {
	p.proxies, p.blind = cluster.FindProxies(ctx, p.query, p.namespace)
	if p.blind != nil {
		return
	}
	if text := p.proxies.Sampled(); text != "" {
		fmt.Fprintln(p.ErrOut, text)
	}
	for _, why := range p.proxies.Hidden {
		fmt.Fprintf(p.ErrOut, "warning: proxies of other namespaces are not looked at: %s\n", printer.Clean(why))
	}
}

// between waits, before a step of another phase than the one before it, until
// the proxies have what was written so far: what the next step refers to must
// be there, or requests fail.
func (p *passage) between(ctx context.Context, next int) error {
	if !p.wait || p.plan.Steps[next].Phase == p.plan.Steps[next-1].Phase {
		return nil
	}
	e := p.expected(next)
	look, known := p.look(ctx, e, p.timeout, fmt.Sprintf("waiting for the proxies before %s", p.plan.Steps[next].Change))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !known || look.Done():
		return nil
	case len(look.Blind) > 0:
		proxy, why := first(look.Blind)
		return fmt.Errorf("%s cannot be looked at, and the next step could make requests fail there: %s: %w (--wait=false writes without looking)", proxies(len(look.Blind)), proxy, why)
	}
	proxy, why := first(look.Lacking)
	return fmt.Errorf("only %d of %d proxies have what was written after %s: %s: %s", look.Have, look.Counted, p.timeout, proxy, why)
}

// expected is what proxies have before the step at next is taken: what the
// steps of the phase before it bring.
func (p *passage) expected(next int) route.Expect {
	var e route.Expect
	for i := next - 1; i >= 0 && p.plan.Steps[i].Phase == p.plan.Steps[next-1].Phase; i-- {
		e = e.And(p.plan.Steps[i].Expect)
	}
	return e
}

// look waits until the proxies have it, and says on stderr how far they are.
// known is false where nothing is expected of them.
func (p *passage) look(ctx context.Context, e route.Expect, limit time.Duration, what string) (look cluster.Look, known bool) {
	asks := e.Asks(p.host())
	if asks == nil {
		return cluster.Look{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stop := spin(p.ErrOut, what)
	defer stop()
	return p.proxies.Await(ctx, asks, func(answers [][]byte) (bool, string, error) {
		sight, lacks, err := e.Look(p.host(), answers)
		return sight != route.Elsewhere, lacks, err
	}, nil), true
}

// undone waits a little after a step was undone, until no proxy uses what
// undoing an earlier step takes away.
func (p *passage) undone(ctx context.Context, step int) {
	if p.proxies == nil || p.plan.Steps[step].Phase == route.Make {
		return
	}
	var e route.Expect
	for _, s := range p.plan.Steps[:step] {
		if s.Phase == route.Make {
			e.Unused = append(e.Unused, s.Expect.Clusters...)
		}
	}
	p.look(ctx, e, min(p.timeout, 15*time.Second), "waiting for the proxies while rolling back")
}

// first is the first proxy by name, and what is said of it.
func first[V any](m map[cluster.Proxy]V) (cluster.Proxy, V) {
	var at cluster.Proxy
	for proxy := range m {
		if at.Pod == "" || proxy.String() < at.String() {
			at = proxy
		}
	}
	return at, m[at]
}

func proxies(n int) string {
	if n == 1 {
		return "1 proxy"
	}
	return fmt.Sprintf("%d proxies", n)
}

// final waits until the proxies have the last step, and says how many do.
func (p *passage) final(ctx context.Context) error {
	undo := fmt.Sprintf("revision %d; undo: %s", p.revision, p.undoCommand())
	if p.revision == 0 {
		undo = "not in the history"
	}
	if !p.wait {
		_, err := fmt.Fprintf(p.Out, "proxies not looked at (--wait=false); %s\n", undo)
		return err
	}
	unseen := func(format string, args ...any) error {
		fmt.Fprintln(p.Out, undo)
		return &exitError{code: exitUnseen, err: errors.New("written, but " + printer.Clean(fmt.Sprintf(format, args...)))}
	}
	if why := p.untaken(ctx); why != "" {
		return unseen("%s", why)
	}
	if p.blind != nil {
		return p.acknowledged(ctx, undo, fmt.Sprintf("the proxies cannot be looked at: %v", p.blind), unseen)
	}
	if p.proxies.Total == 0 {
		return unseen("not verified: there are no proxies")
	}
	look, known := p.look(ctx, p.expected(len(p.plan.Steps)), p.timeout, "waiting for the proxies")
	switch {
	case !known:
		return unseen("not verified: what was written cannot be seen at proxies")
	case look.Done() && look.Counted > 0:
		_, err := fmt.Fprintf(p.Out, "%d/%d proxies; %s\n", look.Have, look.Counted, undo)
		return err
	case look.Done():
		return unseen("not verified: no proxy has the service in its scope")
	case ctx.Err() != nil:
		return unseen("interrupted while waiting: %d/%d proxies had it", look.Have, look.Counted)
	case look.Counted == 0:
		proxy, why := first(look.Blind)
		return p.acknowledged(ctx, undo, fmt.Sprintf("%s cannot be looked at: %s: %v", proxies(len(look.Blind)), proxy, why), unseen)
	case len(look.Lacking) == 0:
		proxy, why := first(look.Blind)
		return p.acknowledged(ctx, undo, fmt.Sprintf("%d/%d proxies have it and %d cannot be looked at: %s: %v", look.Have, look.Counted, len(look.Blind), proxy, why), unseen)
	}
	proxy, why := first(look.Lacking)
	return unseen("%d/%d proxies have it after %s: %s: %s", look.Have, look.Counted, p.timeout, proxy, why)
}

// undoCommand is what takes the change back.
func (w *routeWrite) undoCommand() string {
	text := w.name + " route undo " + w.service + " -n " + w.namespace
	if w.connect != "" {
		text += " " + w.connect
	}
	return text
}
