package cmd

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// readExitCodes is the part of the table for the commands that only read
// routes.
const readExitCodes = `Exit codes:
  0  shown
  2  could not do it: usage, an unknown name, unreachable, forbidden; or shown, but something
     that may change the answer could not be read`

func newRoute(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	c := &cobra.Command{
		Use:   "route",
		Short: "Show how a service's traffic is split, and move it safely",
		Long: `Show how a service's traffic is split, over VirtualServices and DestinationRules and over
the routes of Gateway API, and move it safely.

` + routeExitCodes,
		Example: examples(name, `
			# How is the traffic of this namespace split, and what is wrong with it?
			%[1]s route list

			# What would a shift write?
			%[1]s route shift reviews v2=20 --diff

			# Take the last change back
			%[1]s route undo reviews`),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRouteList(config, name, streams), newRouteDescribe(config, name, streams))
	c.AddCommand(newRouteShift(config, name, streams), newRouteMatch(config, name, streams), newRouteTCP(config, name, streams))
	c.AddCommand(newRouteFault(config, name, streams), newRouteTimeout(config, name, streams), newRouteRetry(config, name, streams))
	c.AddCommand(newRouteMirror(config, name, streams), newRouteBreaker(config, name, streams), newRouteSubset(config, name, streams))
	c.AddCommand(newRouteHistory(config, name, streams), newRouteUndo(config, name, streams), newRouteReset(config, name, streams))
	return c
}
