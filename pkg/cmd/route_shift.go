package cmd

import (
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteShift(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var to string
	var adjust []string
	var equal bool
	c := &cobra.Command{
		Use:                   "shift SERVICE VERSION=PERCENT ... | --to VERSION | --equal",
		DisableFlagsInUseLine: true,
		Short:                 "Move a service's requests from one version to another",
		Long: `Move a service's requests from one version to another.

One VERSION=PERCENT: the other versions keep their proportion. Several: they total 100, and
versions that are not named get nothing. It means the rule for all requests that no other
rule takes, unless --rule names another. A version that no object defines yet is defined
where ready pods of the service carry its name in the label version.

` + routeExitCodes,
		Example: examples(name, `
			# A fifth of the requests to v2, the rest as it was shared before
			%[1]s route shift reviews v2=20

			# Half and half; then all to v3
			%[1]s route shift reviews v1=50 v3=50
			%[1]s route shift reviews --to v3

			# Ten percent more
			%[1]s route shift reviews --adjust v2=+10

			# What would be written?
			%[1]s route shift reviews v2=20 --diff`),
		Args: serviceFirst(-1, " v2=20"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "shift", name, streams, func(i *route.Intent, _ *routeWrite) error {
				s, err := shiftOf(args[1:], to, adjust, equal)
				i.Shift = s
				return err
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&to, "to", "", "Version that gets everything")
	flags.StringArrayVar(&adjust, "adjust", nil, "Version that gets so much more or less: v2=+10 (may be repeated)")
	flags.BoolVar(&equal, "equal", false, "All versions get the same")
	f.addRule(flags)
	f.add(flags)
	return c
}

// shiftOf reads what was said of the shares, in one of the four ways.
func shiftOf(args []string, to string, adjust []string, equal bool) (*route.Shift, error) {
	ways := 0
	for _, used := range []bool{len(args) > 0, to != "", len(adjust) > 0, equal} {
		if used {
			ways++
		}
	}
	if ways != 1 {
		return nil, errors.New("say how to share the requests in one way: VERSION=PERCENT ..., --to VERSION, --adjust VERSION=+N or --equal")
	}
	s := &route.Shift{To: to, Equal: equal}
	var err error
	if s.Set, err = parseShares(args, false); err != nil {
		return nil, err
	}
	s.Adjust, err = parseShares(adjust, true)
	return s, err
}
