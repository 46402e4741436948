package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// follow waits, where that was asked for, until workloads have come to their
// goals, and tells on stderr how far they are.
func (o *relabel) follow(ctx context.Context, goals []membership.Goal) error {
	if !o.wait || o.dryRun != cluster.DryRunNone || len(goals) == 0 {
		return nil
	}
	w := &waiting{relabel: o, goals: goals, said: map[mesh.Ref]string{}, refused: map[mesh.Ref]refusedSince{}}
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	err := cluster.Follow(limited, o.query, o.request.Namespace, o.look, w.see)
	if err == nil && w.open() == 0 {
		return w.finished()
	}
	return w.unfinished(ctx, err)
}

// waiting is a wait that is under way.
type waiting struct {
	*relabel
	goals   []membership.Goal
	last    []membership.Progress
	said    map[mesh.Ref]string
	refused map[mesh.Ref]refusedSince
}

// refusedSince is since when a workload's pods are refused in the same words.
type refusedSince struct {
	words string
	at    time.Time
}

// see takes a look, and says whether it is enough: all is done, or all that is
// not has been refused for long enough that nothing will change by itself.
func (w *waiting) see(s *mesh.Snapshot) bool {
	w.last = membership.Look(s, w.goals)
	stuck := true
	for _, p := range w.last {
		text := p.String()
		if w.said[p.Ref] != text {
			w.said[p.Ref] = text
			fmt.Fprintln(w.ErrOut, printer.Clean(text))
		}
		if p.Done {
			continue
		}
		since := w.refused[p.Ref]
		if p.Refused == "" || alike(p.Refused) != since.words {
			since = refusedSince{words: alike(p.Refused), at: w.now()}
			w.refused[p.Ref] = since
		}
		stuck = stuck && p.Refused != "" && w.now().Sub(since.at) >= w.patience
	}
	return w.open() == 0 || stuck
}

// open counts what is not done.
func (w *waiting) open() int {
	n := len(w.goals)
	for _, p := range w.last {
		if p.Done {
			n--
		}
	}
	return n
}

// finished says how it ended well.
func (w *waiting) finished() error {
	pods := 0
	for _, p := range w.last {
		pods += p.Total
	}
	state := "in the mesh"
	if !w.goals[0].In {
		state = "out of the mesh"
	}
	_, err := fmt.Fprintf(w.Out, "%s %s: %s, %s\n", kubectlName(mesh.RefTo(mesh.Namespaces, "", w.request.Namespace)), state, countOf(len(w.goals), "workload"), countOf(pods, "pod"))
	return err
}

// unfinished says what is not as it should be, with what the doctor finds about
// it.
func (w *waiting) unfinished(ctx context.Context, err error) error {
	var refs []mesh.Ref
	first := membership.Progress{}
	for _, p := range w.last {
		if p.Done {
			continue
		}
		refs = append(refs, p.Ref)
		if first.Ref.Name == "" || first.Why == "" && p.Why != "" {
			first = p
		}
	}
	say := func(format string, args ...any) error {
		return &exitError{code: exitUnseen, err: errors.New(printer.Clean(fmt.Sprintf(format, args...)))}
	}
	what := fmt.Sprintf("%d of %s not as they should be", w.open(), countOf(len(w.goals), "workload"))
	switch {
	case ctx.Err() != nil:
		return say("interrupted while waiting; what was written stays, and %s", what)
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return say("what was written stays, but the pods could not be looked at: %v", err)
	case w.last == nil:
		return say("what was written stays, but the pods could not be looked at within %s", w.timeout)
	}
	w.explain(ctx, refs)
	after := "after " + w.timeout.String()
	if err == nil {
		after = "and nothing will change that by itself"
	}
	return say("%s, %s: %s; see '%s doctor %s -n %s'", what, after, first, w.style.Program, first.Ref.Arg(), w.request.Namespace)
}

// explain prints what the doctor finds about workloads, a line each. That
// nothing could be found is no news: the error says what was seen.
func (w *waiting) explain(ctx context.Context, refs []mesh.Ref) {
	s, err := cluster.Read(ctx, w.query)
	if err != nil {
		return
	}
	report := diagnose.Run(s, membershipChecks(), diagnose.Options{Injector: newInjector(s), Connect: w.connect, Scope: diagnose.Scope{
		Namespaces: []string{w.request.Namespace},
		Workloads:  func(m *mesh.Workload) bool { return slices.Contains(refs, m.Ref) },
	}})
	report.Findings = slices.DeleteFunc(report.Findings, func(f diagnose.Finding) bool { return f.Severity == diagnose.Info })
	if err := printer.Doctor(w.ErrOut, report, "short", w.style); err != nil {
		return
	}
}
