package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteTCP(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	var t route.TCP
	c := &cobra.Command{
		Use:                   "tcp SERVICE VERSION=PERCENT ... --gateway GATEWAY --port PORT",
		DisableFlagsInUseLine: true,
		Short:                 "Share a gateway's TCP connections between versions of a service",
		Long: `Share the TCP connections that come in at a port of a gateway between versions of a
service. The shares total 100. The Gateway must be there; when it is not, its YAML is shown.

` + routeExitCodes,
		Example: examples(name, `
			# A fifth of the connections to v2
			%[1]s route tcp tcp-echo v1=80 v2=20 --gateway tcp-echo-gateway --port 31400

			# Take the rule away
			%[1]s route tcp tcp-echo --clear --gateway tcp-echo-gateway --port 31400`),
		Args: serviceFirst(-1, " v1=80 v2=20 --gateway GATEWAY --port PORT"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, args, "tcp", name, streams, func(i *route.Intent, _ *routeWrite) (err error) {
				i.TCP = &t
				if t.Clear == (len(args) > 1) {
					return errors.New("give the versions their shares, for example v1=80 v2=20, or use --clear")
				}
				if strings.Count(t.Gateway, "/") > 1 || t.Gateway == "" {
					return fmt.Errorf("--gateway %q: name the gateway, as NAME or NAMESPACE/NAME", t.Gateway)
				}
				if t.Port < 1 || t.Port > 65535 {
					return fmt.Errorf("--port %d: use a port of the gateway, from 1 to 65535", t.Port)
				}
				t.Set, err = parseShares(args[1:], false)
				return err
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&t.Gateway, "gateway", "", "The gateway: NAME, or NAMESPACE/NAME")
	flags.Int32Var(&t.Port, "port", 0, "Port of the gateway at which connections come in")
	flags.BoolVar(&t.Clear, "clear", false, "Take the rule away")
	flags.StringVar(&f.api, "api", f.api, "One of auto (the one in force), istio, gateway")
	f.add(flags)
	return c
}
