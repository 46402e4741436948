package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// faultFlags are what was typed to fault.
type faultFlags struct {
	*routeFlags
	match       matchFlags
	delay       time.Duration
	abort       string
	percent     float64
	clear       bool
	length      time.Duration
	reviewAfter time.Duration
}

func newRouteFault(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &faultFlags{routeFlags: newRouteFlags(config), percent: 100}
	c := &cobra.Command{
		Use:                   "fault SERVICE --delay DURATION | --abort STATUS | --clear",
		DisableFlagsInUseLine: true,
		Short:                 "Delay or fail a service's requests on purpose",
		Long: `Delay or fail a service's requests on purpose: all of them, or those that meet the
conditions. While a rule has a fault, its timeout and retries do not count.

With --for the command stays in the foreground and takes the fault away at the end, and on
Ctrl-C. --review-after only notes when somebody wants to look at it again: nothing removes
the fault by itself, but list, the doctor and reset --expired know it. --for notes it too,
for when the command is killed.

` + routeExitCodes,
		Example: examples(name, `
			# Seven seconds for Jason, until Ctrl-C or for ten minutes
			%[1]s route fault ratings --delay 7s --header end-user=jason --for 10m

			# Half of all requests fail
			%[1]s route fault ratings --abort 500 --percent 50
			%[1]s route fault ratings --abort grpc:UNAVAILABLE

			# No more
			%[1]s route fault ratings --clear`),
		Args: serviceFirst(0, " --delay 7s"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.runFault(c, args, name, streams)
		},
	}
	flags := c.Flags()
	flags.DurationVar(&f.delay, "delay", 0, "How long each request is held up")
	flags.StringVar(&f.abort, "abort", "", "What requests fail with: an HTTP status, or grpc:CODE")
	flags.Float64Var(&f.percent, "percent", f.percent, "Of how many requests, in percent")
	flags.BoolVar(&f.clear, "clear", false, "Take the fault away")
	flags.DurationVar(&f.length, "for", 0, "Take it away after so long, or on Ctrl-C")
	flags.DurationVar(&f.reviewAfter, "review-after", 0, "Note that somebody looks at it again after so long; nothing removes it by itself")
	f.match.add(flags)
	f.addRule(flags)
	f.add(flags)
	return c
}

// intent reads what was typed.
func (f *faultFlags) intent(changed func(string) bool, now time.Time) (*route.SetFault, error) {
	conditions, err := f.match.conditions()
	if err != nil {
		return nil, err
	}
	s := &route.SetFault{Delay: f.delay, Abort: f.abort, Percent: f.percent, Conditions: conditions, Clear: f.clear}
	switch {
	case f.clear && (changed("delay") || changed("abort") || changed("percent") || changed("for") || changed("review-after")):
		return nil, errors.New("--clear takes a fault away: use it without --delay, --abort, --percent, --for and --review-after")
	case f.clear:
		return s, nil
	case f.delay <= 0 && f.abort == "":
		return nil, errors.New("say what happens: --delay 7s, --abort 500, --abort grpc:UNAVAILABLE, or --clear")
	case changed("delay") && f.delay < time.Millisecond:
		return nil, fmt.Errorf("--delay %s: use a duration of at least 1ms", f.delay)
	case f.abort != "" && !regexp.MustCompile(`^([2-5]\d\d|grpc:[A-Z_]+)$`).MatchString(f.abort):
		return nil, fmt.Errorf("--abort %s: use an HTTP status such as 500, or grpc: and a code such as grpc:UNAVAILABLE", f.abort)
	case changed("for") && changed("review-after"):
		return nil, errors.New("use --for or --review-after, not both")
	case changed("for") && f.length <= 0, changed("review-after") && f.reviewAfter <= 0:
		return nil, errors.New("--for and --review-after: use a duration such as 10m")
	case changed("for") && slices.Contains(f.allow, historyNotKept):
		return nil, errors.New("--for takes the fault away by the history: leave --allow " + historyNotKept + " away")
	case changed("for") && (f.dryRun != "none" || f.diff):
		return nil, errors.New("--for writes: leave --dry-run and --diff away")
	}
	if after := max(f.reviewAfter, f.length); after > 0 { // with --for too, for when this program is killed meanwhile
		s.Review = now.Add(after).UTC().Truncate(time.Second)
	}
	return s, percentage("--percent", f.percent)
}

func (f *faultFlags) runFault(c *cobra.Command, args []string, name string, streams genericiooptions.IOStreams) error {
	var w *routeWrite
	err := f.run(c, args, "fault", name, streams, func(i *route.Intent, made *routeWrite) (err error) {
		w = made
		i.Fault, err = f.intent(c.Flags().Changed, w.now())
		return err
	})
	if f.length == 0 || w == nil || w.revision == 0 {
		if err == nil && f.reviewAfter > 0 && w.revision > 0 {
			fmt.Fprintln(streams.ErrOut, "note: nothing removes the fault by itself; list, the doctor and reset --expired know when it is due")
		}
		return err
	}
	fmt.Fprintf(streams.ErrOut, "the fault stays for %s; Ctrl-C takes it away now\n", f.length)
	select {
	case <-c.Context().Done():
	case <-time.After(f.length):
	}
	if cleared := w.clearFault(c.Context()); cleared != nil {
		return cleared
	}
	return err
}

// clearFault takes the change back that made the fault. Ctrl-C has been used to
// end the fault; another ends the clearing.
func (w *routeWrite) clearFault(ctx context.Context) error {
	fmt.Fprintln(w.ErrOut, "taking the fault away")
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt)
	defer stop()
	back := *w
	back.verb, back.args, back.yes, back.reason, back.revision = "undo", []string{w.service}, true, "the fault's time is over", 0
	back.plan = func(ctx context.Context) (*route.Plan, error) {
		n, err := readNotes(ctx, w.query, w.manager, w.namespace, w.service)
		if err != nil {
			return nil, err
		}
		if last := n.past.Next() - 1; last != w.revision { // undoing would take that back too
			return nil, fmt.Errorf("the routing was changed again since, by revision %d", last)
		}
		return back.undoPlan(w.revision-1, false)(ctx)
	}
	err := back.run(ctx)
	var exit *exitError
	switch {
	case err == nil, errors.As(err, &exit) && exit.code == exitUnseen:
		return err
	case errors.As(err, &exit):
		return &exitError{code: exit.code, err: w.faultStays(err)}
	}
	return w.faultStays(err)
}

// faultStays says that a fault could not be taken away, and how to.
func (w *routeWrite) faultStays(err error) error {
	return fmt.Errorf("the fault stays: %w; take it away with '%s route fault %s -n %s --clear' and the same conditions", err, w.name, w.service, w.namespace)
}
