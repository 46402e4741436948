package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteSubset(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var labels map[string]string
	var auto, service bool
	c := &cobra.Command{
		Use:                   "subset SERVICE (list | add VERSION | remove VERSION | --auto)",
		DisableFlagsInUseLine: true,
		Short:                 "Say which pods of a service make up a version",
		Long: `Say which pods of a service make up a version that rules can name: a subset of its
DestinationRule, or with --service a Service of its own, as Gateway API needs it. A version
that a rule sends requests to is not removed.

` + routeExitCodes,
		Example: examples(name, `
			# What versions are there?
			%[1]s route subset reviews list

			# One for each value of the label version that its pods have
			%[1]s route subset reviews --auto

			# By hand
			%[1]s route subset reviews add v3 -l version=v3
			%[1]s route subset reviews remove v2`),
		Args: serviceFirst(2, " list"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := subsetOf(args[1:], labels, auto, service)
			if err != nil {
				return err
			}
			if s == nil {
				return f.listVersions(c, args[0], name, streams)
			}
			return f.run(c, args, "subset", name, streams, func(i *route.Intent, _ *routeWrite) error {
				i.Subset = s
				return nil
			})
		},
	}
	flags := c.Flags()
	flags.StringToStringVarP(&labels, "labels", "l", nil, "Labels of the version's pods (default: version=VERSION)")
	flags.BoolVar(&auto, "auto", false, "One version for each value of the label version that pods of the service have")
	flags.BoolVar(&service, "service", false, "As Services, for Gateway API")
	flags.StringVar(&f.api, "api", f.api, "One of auto (the one in force), istio, gateway")
	f.add(flags)
	return c
}

// subsetOf reads what is to be done; nil for listing.
func subsetOf(args []string, labels map[string]string, auto, service bool) (*route.Subset, error) {
	verb := ""
	if len(args) > 0 {
		verb = args[0]
	}
	switch {
	case auto && verb == "" && labels == nil:
		return &route.Subset{Auto: true, Service: service}, nil
	case auto:
		return nil, errors.New("--auto stands alone")
	case verb == "list" && len(args) == 1:
		return nil, nil
	case verb == "add" && len(args) == 2:
		if labels == nil {
			labels = map[string]string{"version": args[1]}
		}
		return &route.Subset{Add: args[1], Labels: labels, Service: service}, nil
	case verb == "remove" && len(args) == 2 && labels == nil:
		return &route.Subset{Remove: args[1], Service: service}, nil
	case verb == "add" || verb == "remove":
		return nil, fmt.Errorf("name one version: %s v3", verb)
	}
	return nil, errors.New("say what to do: list, add VERSION, remove VERSION or --auto")
}

// listVersions prints the versions of a service.
func (f *routeFlags) listVersions(c *cobra.Command, service, name string, streams genericiooptions.IOStreams) error {
	w, err := f.writer(service, "subset", nil, name, streams)
	if err != nil {
		return err
	}
	s, err := readNeighbourhood(c.Context(), w.query, w.namespace)
	if err != nil {
		return err
	}
	view, err := route.Look(s, w.namespace, w.service)
	if err != nil {
		return err
	}
	return printVersions(streams.Out, view)
}
