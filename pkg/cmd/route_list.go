package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// routeListFlags is what the user typed.
type routeListFlags struct {
	routeSource
	selector      string
	output        string
	allNamespaces bool
	watch         bool
}

// routeList is what the run needs.
type routeList struct {
	read      func(context.Context) (*mesh.Snapshot, error)
	namespace string   // empty: all
	services  []string // empty: all
	selector  labels.Selector
	options   printer.RouteOptions
	object    objectPrinter // nil: a table
	names     bool
	watch     bool
	files     bool
	genericiooptions.IOStreams
}

func newRouteList(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &routeListFlags{routeSource: routeSource{config: config}, output: "table"}
	c := &cobra.Command{
		Use:                   "list [SERVICE ...] [-n NAMESPACE | -A] [-l SELECTOR] [-f FILE ...]",
		Aliases:               []string{"ls"},
		DisableFlagsInUseLine: true,
		Short:                 "List services with how their traffic is split",
		Long: `List services with how their traffic is split.

SPLIT is that of the rule for all requests that no other rule takes, as clients in the
service's own namespace have it; RULES counts all of them. API is what these clients follow:
istio (VirtualService), gateway (HTTPRoute, GRPCRoute, TCPRoute), with (ingress) where there
are rules for a gateway alone. ENDPOINTS counts ready ones of the service's pods. ISSUES names
the worst; "route describe" tells them all. What is not known is "?", in JSON null.

Services that nothing routes are counted in the last line, unless they are named or -o wide
is given. JSON and YAML (kind RouteList) hold all of them.

` + readExitCodes,
		Example: examples(name, `
			# What is routed in the current namespace
			%[1]s route list

			# In all namespaces, with every issue
			%[1]s route list -A -o wide

			# Go on, and print what changes
			%[1]s route list -w

			# Names and shares for a script
			%[1]s route list -A -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.split}{"\n"}{end}'

			# Manifests instead of a cluster
			%[1]s route list -f samples/`),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(args, streams)
			if err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	flags := c.Flags()
	f.add(flags)
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "List the services of all namespaces")
	flags.StringVarP(&f.selector, "selector", "l", "", "List the services that have these labels")
	flags.StringVarP(&f.output, "output", "o", f.output, "Output format: "+strings.Join(routeFormats(), ", "))
	flags.BoolVarP(&f.watch, "watch", "w", false, "Look again every 2 seconds, and print the services that changed")
	return c
}

func (f *routeListFlags) options(args []string, streams genericiooptions.IOStreams) (*routeList, error) {
	o := &routeList{watch: f.watch, files: len(f.files) > 0, IOStreams: streams}
	var err error
	if o.options.Style, err = style("never", streams.Out); err != nil {
		return nil, err
	}
	switch f.output {
	case "table", "":
	case "wide":
		o.options.Wide = true
	case "name":
		o.names = true
	default:
		if o.object, err = newObjectPrinter(f.output); err != nil {
			return nil, err
		}
	}
	if f.watch && (o.files || o.object != nil) {
		return nil, errors.New("--watch is for clusters, with -o table, wide or name")
	}
	if f.selector != "" {
		if o.selector, err = labels.Parse(f.selector); err != nil {
			return nil, fmt.Errorf("--selector %q: %w", f.selector, err)
		}
	}
	for _, arg := range args {
		service, err := serviceName(arg)
		if err != nil {
			return nil, err
		}
		o.services = append(o.services, service)
	}
	given := f.config.Namespace != nil && *f.config.Namespace != ""
	if f.allNamespaces && given {
		return nil, errors.New("-n and -A cannot be used together")
	}
	if !f.allNamespaces && (given || !o.files) {
		if o.namespace, _, err = f.config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	o.options.Namespace = o.namespace == ""
	o.options.All = o.options.Wide || len(args) > 0
	o.read, err = f.reader(o.namespace, streams)
	return o, err
}

func (o *routeList) run(ctx context.Context) error {
	stop := spin(o.ErrOut, "looking at the cluster")
	s, err := o.read(ctx)
	stop()
	if err != nil {
		return err
	}
	views, err := o.pick(s)
	if err != nil {
		return err
	}
	if gaps := s.Missing(mesh.Services); len(views) == 0 && len(gaps) > 0 {
		return fmt.Errorf("no services are known: %s", gaps[0]) // "no services" would mislead
	}
	o.options.Now = s.Time
	if err := o.print(s, views); err != nil {
		return err
	}
	if !o.watch {
		return unreadRoutes(o.ErrOut, s, views)
	}
	if err := unreadRoutes(o.ErrOut, s, views); err != nil {
		fmt.Fprintf(o.ErrOut, "warning: %v\n", err)
	}
	return o.follow(ctx, views)
}

// pick leaves the services that were asked for.
func (o *routeList) pick(s *mesh.Snapshot) ([]*route.View, error) {
	views := slices.DeleteFunc(route.All(s), func(v *route.View) bool {
		return o.namespace != "" && v.Service.Namespace != o.namespace
	})
	if o.selector != nil {
		carried := map[mesh.Ref]labels.Set{}
		for _, svc := range s.Services {
			carried[mesh.RefTo(mesh.Services, svc.Namespace, svc.Name)] = svc.Labels
		}
		views = slices.DeleteFunc(views, func(v *route.View) bool { return !o.selector.Matches(carried[v.Service]) })
	}
	if len(o.services) == 0 {
		return views, nil
	}
	for _, name := range o.services {
		if !slices.ContainsFunc(views, func(v *route.View) bool { return v.Service.Name == name }) {
			return nil, fmt.Errorf("there is no service %q among those looked at", name)
		}
	}
	return slices.DeleteFunc(views, func(v *route.View) bool { return !slices.Contains(o.services, v.Service.Name) }), nil
}

func (o *routeList) print(s *mesh.Snapshot, views []*route.View) error {
	switch {
	case o.object != nil:
		list, err := printer.RouteList(views, s.Source, s.Time)
		if err != nil {
			return err
		}
		return o.object(list, o.Out)
	case o.names:
		for _, v := range views {
			if !o.options.All && !printer.Routed(v) {
				continue
			}
			if _, err := fmt.Fprintln(o.Out, "service/"+printer.Clean(v.Service.Name)); err != nil {
				return err
			}
		}
		return nil
	}
	return printer.Routes(o.Out, views, o.options)
}
