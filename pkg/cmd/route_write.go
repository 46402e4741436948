package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// routeWrite is a change of how a service is routed, on its way: read, plan,
// show, ask, write, see.
type routeWrite struct {
	query      cluster.Query
	plan       func(context.Context) (*route.Plan, error) // looks at the cluster each time
	namespace  string
	service    string
	verb       string
	args       []string
	reason     string
	name       string // of the program
	connect    string
	dryRun     cluster.DryRun
	diff       bool
	output     string
	manager    string
	allow      []string
	forceOwner bool
	wait       bool
	timeout    time.Duration
	yes        bool
	undoes     []int // the revisions that an undo takes back, or finishes
	finishes   bool
	style      printer.Style
	now        func() time.Time
	revision   int    // of the change, once it is written
	by         string // the user, once asked for
	genericiooptions.IOStreams
}

// maxPlans is how often a plan is made anew because somebody else wrote
// meanwhile.
const maxPlans = 4

// run carries the plan out. Where somebody else wrote between looking and
// writing it looks again, plans again and shows again; without anybody to ask it
// goes on only if what is to be written is the same.
func (w *routeWrite) run(ctx context.Context) error {
	shown := ""
	for try := 1; ; try++ {
		err := w.attempt(ctx, &shown)
		var half *cluster.ApplyError
		if !cluster.Outdated(err) || try == maxPlans || errors.As(err, &half) && len(half.Left) > 0 {
			return writeFailed(err)
		}
		fmt.Fprintf(w.ErrOut, "somebody else changed it meanwhile (%s); planning again\n", printer.Clean(err.Error()))
	}
}

// attempt plans once and carries that out. shown is what the user has seen.
func (w *routeWrite) attempt(ctx context.Context, shown *string) error {
	stop := spin(w.ErrOut, "looking at the cluster")
	plan, err := w.plan(ctx)
	stop()
	if err != nil {
		return w.refusedIntent(err)
	}
	notes, err := w.history(ctx)
	if err != nil {
		return err
	}
	if len(plan.Steps) == 0 {
		if err := notes.settle(ctx, w); err != nil {
			return err
		}
		return w.unchanged(plan)
	}
	entry := w.entry(ctx, notes)
	changes := w.changes(plan, entry)
	prepared, err := cluster.Prepare(ctx, w.query, changes, cluster.ApplyOptions{
		Manager: w.manager, DryRun: w.preparation(), ForceOwner: w.forceOwner || w.diff, // looking takes nothing from anybody
		Warn: func(text string) { fmt.Fprintf(w.ErrOut, "warning: %s\n", printer.Clean(text)) },
	})
	if err != nil {
		return w.refusedOwner(err)
	}
	for i, c := range prepared.Changes() {
		if why := plan.Steps[i].Dropped(c.After); why != "" {
			return &exitError{code: exitNo, err: errors.New(printer.Clean(why + "; nothing was written"))}
		}
	}
	ready := w.fill(plan, prepared)
	diff, err := diffText(ready)
	if err != nil {
		return err
	}
	before := *shown
	*shown = changedLines(diff)
	if w.diff {
		return showDiff(ctx, ready, w.IOStreams)
	}
	if before != "" && w.yes && before != *shown {
		return &exitError{code: exitNo, err: errors.New("nothing was written: the plan is another one than was shown, since somebody else changed something; look at it and go on without -y")}
	}
	if before != *shown {
		if err := w.show(plan, diff); err != nil {
			return err
		}
	}
	if err := w.checked(plan); err != nil {
		return err
	}
	w.warnOwners(prepared.Owners)
	if w.dryRun != cluster.DryRunNone {
		return w.said(plan)
	}
	if !w.yes {
		if err := confirm(ctx, w.IOStreams, fmt.Sprintf("Write %s?", countOf(len(plan.Steps), "change"))); err != nil {
			return err
		}
	}
	return w.write(ctx, plan, prepared, notes, entry)
}

// preparation is how far changes are checked before they are shown.
func (w *routeWrite) preparation() cluster.DryRun {
	if w.dryRun == cluster.DryRunClient {
		return cluster.DryRunClient
	}
	return cluster.DryRunServer
}

// changes are the plan's, each with the mark of the history on its object.
func (w *routeWrite) changes(plan *route.Plan, e *route.Entry) []mesh.Change {
	var all []mesh.Change
	for _, s := range plan.Steps {
		c := s.Change
		switch {
		case w.undoes != nil: // the object is as it was, mark and all
		case c.Write == mesh.Patch:
			c.Fields = annotated(c.Fields, e.Mark())
		case c.Object != nil:
			c.Object = c.Object.DeepCopy()
			c.Object.Object = annotated(c.Object.Object, e.Mark())
		}
		all = append(all, c)
	}
	return all
}

// annotated is an object, or a patch of one, that sets the mark.
func annotated(of map[string]any, mark string) map[string]any {
	meta, _ := of["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	return with(of, "metadata", with(meta, "annotations", with(annotations, route.ChangeAnnotation, mark)))
}

// with is a map with one more value; the map stays as it is.
func with(m map[string]any, key string, value any) map[string]any {
	n := make(map[string]any, len(m)+1)
	for k, v := range m {
		n[k] = v
	}
	n[key] = value
	return n
}

// refusedIntent gives an intent that a safety rule is against its exit code.
func (w *routeWrite) refusedIntent(err error) error {
	var refused *route.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	text := err.Error()
	if at := strings.Index(text, "\n"); at >= 0 { // an object to make is the answer, and no error
		fmt.Fprintln(w.Out, strings.TrimSpace(text[at:]))
		text = strings.TrimSuffix(text[:at], ":")
	}
	if refused.Check != "" {
		text += " (" + refused.Check + ")"
	}
	code := exitNo
	if refused.Absent {
		code = exitFailed
	}
	return &exitError{code: code, err: errors.New(printer.Clean(text + "; nothing was written"))}
}

// refusedOwner says who keeps the objects, and prints the patch for Git.
func (w *routeWrite) refusedOwner(err error) error {
	var owned *cluster.OwnedError
	if !errors.As(err, &owned) {
		return err
	}
	for i := range owned.Owned { // what is for Git carries no mark of ours, and no version
		owned.Owned[i].Change = forGit(owned.Owned[i].Change)
	}
	if err := printForGit(w.Out, owned.Owned); err != nil {
		return err
	}
	return &exitError{code: exitNo, err: fmt.Errorf("%w; nothing was written (--force-owner writes it all the same)", owned)}
}

// checked refuses a plan that a check is against.
func (w *routeWrite) checked(plan *route.Plan) error {
	at := slices.IndexFunc(plan.Checks, w.refuses)
	if at < 0 {
		return nil
	}
	f := plan.Checks[at]
	how := "--allow " + f.Check
	if f.Check == keptByOwner {
		how = "--force-owner"
	}
	return &exitError{code: exitNo, err: fmt.Errorf("%s; nothing was written (%s writes it all the same)", printer.Clean(f.Message), how)}
}

// keptByOwner is the check that --force-owner allows.
const keptByOwner = "object-kept-by-owner"

// refuses reports whether a check refuses the plan.
func (w *routeWrite) refuses(f diagnose.Finding) bool {
	allowed := slices.Contains(w.allow, f.Check) || f.Check == keptByOwner && w.forceOwner
	return f.Severity == diagnose.Error && !allowed
}

// warnOwners tells who keeps what is written all the same.
func (w *routeWrite) warnOwners(owned []cluster.Owned) {
	for _, o := range owned {
		fmt.Fprintf(w.ErrOut, "warning: %s\n", printer.Clean(fmt.Sprintf("%s is kept by %s (%s); %s",
			o.Change.Ref, o.Owner.String(), o.Owner.Marks[0], o.Owner.Instead)))
	}
}
