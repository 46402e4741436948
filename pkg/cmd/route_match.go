package cmd

import (
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteMatch(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var m matchFlags
	var set route.SetMatch
	c := &cobra.Command{
		Use:                   "match SERVICE --header NAME=VALUE --to VERSION | --remove RULE",
		DisableFlagsInUseLine: true,
		Short:                 "Send some of a service's requests to one version",
		Long: `Send the requests that meet all conditions to one version, by a rule of their own before
the one for all others. Where there is no rule for all others, one is added: without it
they would fail with 404.

` + routeExitCodes,
		Example: examples(name, `
			# Jason sees v2
			%[1]s route match reviews --header end-user=jason --to v2

			# Before all other rules, under a name
			%[1]s route match reviews --path-prefix /beta --to v3 --name beta --first

			# Take the rule away
			%[1]s route match reviews --remove beta`),
		Args: serviceFirst(0, " --header end-user=jason --to v2"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "match", name, streams, func(i *route.Intent, _ *routeWrite) (err error) {
				if set.Conditions, err = m.conditions(); err != nil {
					return err
				}
				i.Match = &set
				return matchMakesSense(set)
			})
		},
	}
	flags := c.Flags()
	m.add(flags)
	flags.StringVar(&set.To, "to", "", "Version that gets the requests")
	flags.StringVar(&set.Name, "name", "", "Name of the rule (default: made of the conditions)")
	flags.BoolVar(&set.First, "first", false, "Before all other rules")
	flags.StringVar(&set.Before, "before", "", "Before the rule of this name (default: before the one for all other requests)")
	flags.StringVar(&set.Remove, "remove", "", "Take the rule of this name away")
	f.addAPI(flags)
	f.add(flags)
	return c
}

func matchMakesSense(m route.SetMatch) error {
	switch {
	case m.Remove != "":
		if len(m.Conditions) > 0 || m.To != "" || m.Name != "" || m.First || m.Before != "" {
			return errors.New("--remove takes a rule away and stands alone")
		}
	case len(m.Conditions) == 0:
		return errors.New("say which requests, for example --header end-user=jason; for all others use route shift")
	case m.To == "":
		return errors.New("say where they go: --to VERSION")
	case m.First && m.Before != "":
		return errors.New("use --first or --before, not both")
	}
	return nil
}
