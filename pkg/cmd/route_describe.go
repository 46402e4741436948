package cmd

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// routeDescribeFlags is what the user typed.
type routeDescribeFlags struct {
	routeSource
	output string
}

// routeDescribe is what the run needs.
type routeDescribe struct {
	read      func(context.Context) (*mesh.Snapshot, error)
	namespace string
	service   string
	options   printer.RouteOptions
	object    objectPrinter // nil: words
	genericiooptions.IOStreams
}

func newRouteDescribe(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &routeDescribeFlags{routeSource: routeSource{config: config}}
	c := &cobra.Command{
		Use:                   "describe SERVICE [-n NAMESPACE] [-f FILE ...]",
		DisableFlagsInUseLine: true,
		Short:                 "Tell all about how a service's traffic is routed",
		Long: `Tell all about how a service's traffic is routed: which objects govern it and for whom, who
keeps them, the rules in their order with the share and the ready endpoints of each
destination, policies and faults, which of several objects wins, and what is wrong, with the
command that fixes it.

` + readExitCodes,
		Example: examples(name, `
			# One service
			%[1]s route describe reviews -n bookinfo

			# For a script
			%[1]s route describe reviews -o jsonpath='{.split}'`),
		Args: serviceFirst(0, ""),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(args[0], streams)
			if err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	flags := c.Flags()
	f.add(flags)
	flags.StringVarP(&f.output, "output", "o", "", "Output format instead of words: "+strings.Join(routeFormats()[2:], ", "))
	return c
}

func (f *routeDescribeFlags) options(service string, streams genericiooptions.IOStreams) (*routeDescribe, error) {
	o := &routeDescribe{IOStreams: streams}
	var err error
	if o.service, err = serviceName(service); err != nil {
		return nil, err
	}
	if o.options.Style, err = style("never", streams.Out); err != nil {
		return nil, err
	}
	switch f.output {
	case "":
	case "name":
		return nil, errors.New("--output name: the name is what was typed")
	default:
		if o.object, err = newObjectPrinter(f.output); err != nil {
			return nil, err
		}
	}
	if o.namespace, _, err = f.config.ToRawKubeConfigLoader().Namespace(); err != nil {
		return nil, err
	}
	if len(f.files) > 0 && (f.config.Namespace == nil || *f.config.Namespace == "") {
		o.namespace = ""
	}
	o.read, err = f.reader(o.namespace, streams)
	return o, err
}

func (o *routeDescribe) run(ctx context.Context) error {
	stop := spin(o.ErrOut, "looking at the cluster")
	s, err := o.read(ctx)
	stop()
	if err != nil {
		return err
	}
	v, err := route.Look(s, o.where(s), o.service)
	if err != nil {
		return err
	}
	o.options.Now = s.Time
	if o.object == nil {
		err = printer.RouteDescribe(o.Out, v, o.options)
	} else {
		var object map[string]any
		if object, err = printer.RouteObject(v, s.Time); err == nil {
			err = o.object(object, o.Out)
		}
	}
	if err != nil {
		return err
	}
	notes := o.ErrOut
	if o.object == nil {
		notes = io.Discard // the words have said it
	}
	return unreadRoutes(notes, s, []*route.View{v})
}

// where is the namespace of the service: the one given, or, in files, the only
// one that has a service of this name; else "default".
func (o *routeDescribe) where(s *mesh.Snapshot) string {
	if o.namespace != "" {
		return o.namespace
	}
	var found []string
	for _, svc := range s.Services {
		if svc.Name == o.service {
			found = append(found, svc.Namespace)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return "default"
}
