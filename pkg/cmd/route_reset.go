package cmd

import (
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteReset(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var r route.Reset
	c := &cobra.Command{
		Use:                   "reset SERVICE [--all | --expired]",
		DisableFlagsInUseLine: true,
		Short:                 "Take away what was made for a service's traffic",
		Long: `Take away the rules, versions and policies that this program made for a service, so that
its requests go to all ready endpoints again.

` + routeExitCodes,
		Example: examples(name, `
			# What this program made
			%[1]s route reset reviews

			# All that routes the service, whoever made it
			%[1]s route reset reviews --all

			# Only faults whose time for review has passed
			%[1]s route reset reviews --expired`),
		Args: serviceFirst(0, ""),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "reset", name, streams, func(i *route.Intent, _ *routeWrite) error {
				i.Reset = &r
				if r.All && r.Expired {
					return errors.New("use --all or --expired, not both")
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&r.All, "all", false, "Also what others made")
	c.Flags().BoolVar(&r.Expired, "expired", false, "Only faults whose time for review has passed")
	f.addAPI(c.Flags())
	f.add(c.Flags())
	return c
}
