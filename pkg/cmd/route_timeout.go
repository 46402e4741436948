package cmd

import (
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteTimeout(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var clear bool
	c := &cobra.Command{
		Use:                   "timeout SERVICE DURATION | --clear",
		DisableFlagsInUseLine: true,
		Short:                 "Bound how long a request to a service may take",
		Long: `Bound how long a request to a service may take, all tries together. By default nothing
does.

` + routeExitCodes,
		Example: examples(name, `
			# Half a second
			%[1]s route timeout reviews 0.5s

			# As long as it takes
			%[1]s route timeout reviews --clear`),
		Args: serviceFirst(1, " 0.5s"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "timeout", name, streams, func(i *route.Intent, _ *routeWrite) (err error) {
				i.Timeout = &route.Timeout{Clear: clear}
				if clear == (len(args) == 2) {
					return errors.New("give a duration, for example 0.5s, or --clear")
				}
				if !clear {
					i.Timeout.After, err = parseLength("timeout", args[1])
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&clear, "clear", false, "No timeout any more")
	f.addRule(c.Flags())
	f.add(c.Flags())
	return c
}
