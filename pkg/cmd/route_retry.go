package cmd

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteRetry(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var r route.Retry
	c := &cobra.Command{
		Use:                   "retry SERVICE --attempts N | --off | --clear",
		DisableFlagsInUseLine: true,
		Short:                 "Try a service's failed requests again",
		Long: `Try a service's failed requests again, so many times at most. By default the mesh does it
twice, on conditions under which that is safe.

` + routeExitCodes,
		Example: examples(name, `
			# Three times, each within two seconds
			%[1]s route retry reviews --attempts 3 --per-try-timeout 2s --on 5xx,reset

			# Never
			%[1]s route retry reviews --off

			# As the mesh does by default
			%[1]s route retry reviews --clear`),
		Args: serviceFirst(0, " --attempts 3"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "retry", name, streams, func(i *route.Intent, _ *routeWrite) error {
				i.Retry = &r
				return retryMakesSense(r, c.Flags().Changed("attempts"))
			})
		},
	}
	flags := c.Flags()
	flags.IntVar(&r.Attempts, "attempts", 0, "How often to try again")
	flags.DurationVar(&r.PerTry, "per-try-timeout", time.Duration(0), "How long each try may take (default: the timeout)")
	flags.StringVar(&r.On, "on", "", "On which failures, as Envoy calls them: 5xx,reset,connect-failure (default: the mesh's)")
	flags.BoolVar(&r.Off, "off", false, "Never try again")
	flags.BoolVar(&r.Clear, "clear", false, "As the mesh does by default")
	f.addRule(flags)
	f.add(flags)
	return c
}

func retryMakesSense(r route.Retry, attempts bool) error {
	ways := 0
	for _, used := range []bool{attempts, r.Off, r.Clear} {
		if used {
			ways++
		}
	}
	switch {
	case ways != 1:
		return errors.New("use one of --attempts N, --off and --clear")
	case attempts && r.Attempts < 1:
		return errors.New("--attempts: use 1 or more; --off never tries again")
	case !attempts && (r.PerTry != 0 || r.On != ""):
		return errors.New("--per-try-timeout and --on go with --attempts")
	case r.PerTry < 0:
		return errors.New("--per-try-timeout: use a duration such as 2s")
	}
	return nil
}
