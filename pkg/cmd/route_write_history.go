package cmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// notes are a service's history, and where it is kept.
type notes struct {
	keeper *cluster.Keeper
	kept   *cluster.Kept
	past   route.History
}

// readNotes reads the history of a service.
func readNotes(ctx context.Context, q cluster.Query, manager, namespace, service string) (*notes, error) {
	keeper, err := cluster.NewKeeper(q, manager)
	if err != nil {
		return nil, err
	}
	n := &notes{keeper: keeper}
	return n, n.read(ctx, namespace, service)
}

func (n *notes) read(ctx context.Context, namespace, service string) (err error) {
	if n.kept, err = n.keeper.Get(ctx, namespace, route.HistoryName(service)); err != nil {
		return err
	}
	n.past, err = route.DecodeHistory(n.kept.Data)
	return err
}

// history reads the history, and tells of a change that was interrupted. Where
// it cannot be kept and that is allowed, notes is nil.
func (w *routeWrite) history(ctx context.Context) (*notes, error) {
	n, err := readNotes(ctx, w.query, w.manager, w.namespace, w.service)
	if err != nil {
		return nil, w.notKept(err)
	}
	if e := n.past.Unfinished(); e != nil && !slices.Contains(w.undoes, e.Revision) {
		fmt.Fprintf(w.ErrOut, "warning: revision %d (%s) of %s was begun at %s and not finished: '%s' reverts it, with --finish it completes it\n",
			e.Revision, printer.Clean(e.Command()), who(e.By), e.At.UTC().Format(time.RFC3339), w.undoCommand())
	}
	return n, nil
}

// notKept is nil where a change may go without history, or where nothing is
// written.
func (w *routeWrite) notKept(err error) error {
	if slices.Contains(w.allow, historyNotKept) || w.dryRun != cluster.DryRunNone || w.diff {
		return nil
	}
	return fmt.Errorf("the history cannot be kept: %w (--allow %s writes without)", err, historyNotKept)
}

func who(by string) string {
	if by == "" {
		return "somebody"
	}
	return printer.Clean(by)
}

// entry is the change as the history will hold it: a new one, or the one that
// is finished.
func (w *routeWrite) entry(ctx context.Context, n *notes) *route.Entry {
	if e := w.finished(n); e != nil {
		return e
	}
	e := &route.Entry{Revision: 1, At: w.now().UTC().Truncate(time.Second), Verb: w.verb, By: w.user(ctx), Args: w.args, Reason: w.reason, State: route.Pending, Undoes: w.undoes}
	if n != nil {
		e.Revision = n.past.Next()
	}
	return e
}

// finished is a copy of the interrupted entry that is finished; nil for any
// other change.
func (w *routeWrite) finished(n *notes) *route.Entry {
	if !w.finishes || n == nil || len(w.undoes) == 0 {
		return nil
	}
	e := n.past.Find(w.undoes[0])
	if e == nil {
		return nil
	}
	c := *e
	return &c
}

// user is who writes, asked for once and only where something is written.
func (w *routeWrite) user(ctx context.Context) string {
	if w.by == "" && w.dryRun == cluster.DryRunNone && !w.diff {
		w.by = cluster.WhoAmI(ctx, w.query)
	}
	return w.by
}

// begin notes a change before its first write. What is wrong ends it, unless
// that is allowed.
func (n *notes) begin(ctx context.Context, w *routeWrite, e *route.Entry) error {
	if n == nil {
		return nil
	}
	next := append(slices.Clone(n.past), *e)
	data, err := next.Encode()
	if err != nil {
		return w.notKept(err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Once it is sent it is waited for, or an interrupted change would stay pending that wrote nothing.
	ctx = context.WithoutCancel(ctx)
	kept := n.kept
	if !kept.Exists() { // made empty: who may create it and not update it learns that before anything is written
		kept, err = n.keeper.Put(ctx, kept)
	}
	if err == nil {
		kept.Data = data
		kept, err = n.keeper.Put(ctx, kept)
	}
	if cluster.Outdated(err) {
		return err
	}
	if err != nil {
		return w.notKept(err)
	}
	n.kept, n.past = kept, next
	return nil
}

// end notes how a change ended. Others may have noted theirs meanwhile.
func (n *notes) end(ctx context.Context, w *routeWrite, e *route.Entry, state route.State) {
	if err := n.amend(ctx, w, func() { n.ended(e, state) }); err != nil {
		fmt.Fprintf(w.ErrOut, "warning: the history still calls revision %d pending, which is %s: %s\n", e.Revision, state, printer.Clean(err.Error()))
	}
}

func (n *notes) ended(e *route.Entry, state route.State) {
	if noted := n.past.Find(e.Revision); noted != nil {
		e.State = state
		*noted = *e
	}
	if state == route.Done {
		n.past.Settle(e.Undoes)
	}
}

// settle notes what became of revisions where that needs no write: every write of
// what is finished was done, or none of what is taken back still stands.
func (n *notes) settle(ctx context.Context, w *routeWrite) error {
	if len(w.undoes) == 0 || w.dryRun != cluster.DryRunNone || w.diff {
		return nil
	}
	return n.amend(context.WithoutCancel(ctx), w, func() {
		if e := w.finished(n); e != nil {
			n.ended(e, route.Done)
			return
		}
		n.past.Settle(w.undoes)
	})
}

// amend changes the history as it is, again where somebody else wrote it
// meanwhile.
func (n *notes) amend(ctx context.Context, w *routeWrite, change func()) error {
	if n == nil {
		return nil
	}
	for try := 1; ; try++ {
		change()
		data, err := n.past.Encode()
		if err != nil {
			return err
		}
		n.kept.Data = data
		kept, err := n.keeper.Put(ctx, n.kept)
		if err == nil {
			n.kept = kept
			return nil
		}
		if try == 5 || !cluster.Outdated(err) {
			return err
		}
		if err := n.read(ctx, w.namespace, w.service); err != nil {
			return err
		}
	}
}
