package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteUndo(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var to int
	var finish, force bool
	c := &cobra.Command{
		Use:                   "undo SERVICE [--to-revision N | --finish]",
		DisableFlagsInUseLine: true,
		Short:                 "Take a change of a service's routing back",
		Long: `Take back the last change of a service's routing that still stands, or all changes after a
revision. What a change created is deleted, what it deleted is created anew. Where somebody
else changed an object since, nothing is written and the differences are shown; --force
goes over them.

A change that was interrupted is reverted in the same way, or completed with --finish. An
undo is a change too: 'undo --to-revision' goes forward again.

` + routeExitCodes,
		Example: examples(name, `
			# The last change
			%[1]s route undo reviews

			# To how it was after revision 3
			%[1]s route history reviews
			%[1]s route undo reviews --to-revision 3`),
		Args: serviceFirst(0, ""),
		RunE: func(c *cobra.Command, args []string) error {
			w, err := f.writer(args[0], "undo", typed(c, args), name, streams)
			if err != nil {
				return err
			}
			given := c.Flags().Changed("to-revision")
			switch {
			case finish && given:
				return errors.New("use --to-revision or --finish, not both")
			case given && to < 0:
				return fmt.Errorf("--to-revision %d: use a number that route history shows", to)
			case !given:
				to = -1
			}
			w.finishes = finish
			w.plan = w.undoPlan(to, force)
			return w.run(c.Context())
		},
	}
	c.Flags().IntVar(&to, "to-revision", 0, "Revision to go to: as it was after it (default: before the last change)")
	c.Flags().BoolVar(&finish, "finish", false, "Complete a change that was interrupted")
	c.Flags().BoolVar(&force, "force", false, "Also undo what somebody else changed since")
	f.add(c.Flags())
	return c
}

// undoPlan plans the way back to after a revision; -1 for before the last change.
func (w *routeWrite) undoPlan(to int, force bool) func(context.Context) (*route.Plan, error) {
	return func(ctx context.Context) (*route.Plan, error) {
		n, err := readNotes(ctx, w.query, w.manager, w.namespace, w.service)
		if err != nil {
			return nil, err
		}
		var way *route.Return
		if w.finishes {
			way, err = n.past.Finish()
		} else {
			way, err = n.past.Undo(to)
		}
		if err != nil {
			return nil, fmt.Errorf("service %s/%s: %w", w.namespace, w.service, err)
		}
		w.undoes = way.Undoes
		var targets []mesh.Change
		for _, t := range way.Targets {
			targets = append(targets, mesh.Change{Ref: t.Ref})
		}
		now, err := cluster.Current(ctx, w.query, targets)
		if err != nil {
			return nil, err
		}
		s, err := readNeighbourhood(ctx, w.query, w.namespace)
		if err != nil {
			return nil, err
		}
		plan, differs, err := way.Plan(s, w.namespace, w.service, now)
		if err != nil {
			return nil, &exitError{code: exitNo, err: err}
		}
		if len(differs) > 0 && !force {
			return nil, w.differ(differs)
		}
		for _, d := range differs {
			plan.Notes = append(plan.Notes, d.Ref.String()+" was changed by somebody else since: that is undone too")
		}
		if len(plan.Steps) == 0 {
			plan.Notes = append(plan.Notes, "all objects are as they are to be already")
		}
		return plan, nil
	}
}

// differ shows what somebody else changed since, and refuses.
func (w *routeWrite) differ(all []route.Differs) error {
	for _, d := range all {
		name := kubectlName(d.Ref)
		for _, pair := range []struct {
			from, to string
			a, b     map[string]any
		}{{"to-be", "as-we-wrote-it", d.Want, d.Ours}, {"as-we-wrote-it", "as-it-is", d.Ours, d.Theirs}} {
			text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
				A: lines(pair.a), B: lines(pair.b), FromFile: pair.from + "/" + name, ToFile: pair.to + "/" + name, Context: 3,
			})
			if err != nil {
				return err
			}
			for _, line := range textLines(text) {
				fmt.Fprintln(w.Out, printer.Clean(strings.TrimSuffix(line, "\n")))
			}
		}
	}
	return &exitError{code: exitNo, err: fmt.Errorf("%s was changed by somebody else since; nothing was written (--force undoes that too)", all[0].Ref)}
}

// lines is an object as lines of YAML; none for one that is not there.
func lines(o map[string]any) []string {
	if o == nil {
		return nil
	}
	text, err := yaml.Marshal(o)
	if err != nil {
		return []string{err.Error()}
	}
	return textLines(string(text))
}
