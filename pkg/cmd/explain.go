package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
)

func newExplain(name string, streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:                   "explain [CHECK ...]",
		DisableFlagsInUseLine: true,
		Short:                 "Print what a check looks for, offline; without a name, list the checks",
		Long:                  "Print what a check looks for, why it matters and how to fix it. Works without a cluster.\n\nExit codes:\n  0  printed\n  2  no check is called so",
		Example: examples(name, `
			# List the checks
			%[1]s doctor explain

			# What does this check mean?
			%[1]s doctor explain istiod-no-endpoints`),
		RunE: func(_ *cobra.Command, args []string) error { return explain(streams.Out, args) },
	}
}

func explain(w io.Writer, names []string) error {
	all := checks.All()
	if len(names) == 0 {
		for _, c := range all {
			fmt.Fprintf(w, "%-42s %s\n", c.Name, c.Title())
		}
		return nil
	}
	for i, name := range names {
		chosen, err := choose(all, []string{name}, nil)
		if err != nil {
			return err
		}
		for j, c := range chosen {
			if i+j > 0 {
				fmt.Fprintln(w)
			}
			explainOne(w, c)
		}
	}
	return nil
}

func explainOne(w io.Writer, c diagnose.Check) {
	_, text, _ := strings.Cut(c.Doc, "\n")
	fmt.Fprintf(w, "%s: %s (%s)\n\n%s\n\n%s\n", c.Name, c.Title(), c.Severity, strings.TrimSpace(text), diagnose.PageURL(c.Name))
}
