package cmd

import (
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteMirror(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	m := route.SetMirror{Percent: 100}
	c := &cobra.Command{
		Use:                   "mirror SERVICE --to VERSION [--percent N] | --clear",
		DisableFlagsInUseLine: true,
		Short:                 "Copy a service's requests to another version",
		Long: `Copy a service's requests to another version, whose answers nobody gets. The copies are
real requests: what they change is changed twice.

` + routeExitCodes,
		Example: examples(name, `
			# A copy of every request
			%[1]s route mirror httpbin --to v2

			# Of every tenth
			%[1]s route mirror httpbin --to v2 --percent 10

			# No more
			%[1]s route mirror httpbin --clear`),
		Args: serviceFirst(0, " --to v2"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "mirror", name, streams, func(i *route.Intent, _ *routeWrite) error {
				i.Mirror = &m
				if m.Clear == (m.To != "") || m.Clear && c.Flags().Changed("percent") {
					return errors.New("use --to VERSION, with --percent or without, or --clear")
				}
				return percentage("--percent", m.Percent)
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&m.To, "to", "", "Version that gets the copies")
	flags.Float64Var(&m.Percent, "percent", m.Percent, "Of how many requests, in percent")
	flags.BoolVar(&m.Clear, "clear", false, "No copies any more")
	f.addRule(flags)
	f.add(flags)
	return c
}
