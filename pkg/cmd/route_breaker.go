package cmd

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// breakerFlags are the settings as they were typed; only those that were are
// set.
type breakerFlags struct {
	numbers map[string]*int64
	lengths map[string]*time.Duration
	clear   bool
}

func newRouteBreaker(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRouteFlags(config)
	b := breakerFlags{numbers: map[string]*int64{}, lengths: map[string]*time.Duration{}}
	c := &cobra.Command{
		Use:                   "breaker SERVICE[/VERSION] --max-connections N ... | --clear",
		DisableFlagsInUseLine: true,
		Short:                 "Bound a service's connections, and take failing endpoints out",
		Long: `Bound a service's connections, and take failing endpoints out for a while. What is not
named stays as it is. The bounds hold for each client's proxy by itself, not for all
together.

` + routeExitCodes,
		Example: examples(name, `
			# One connection at a time, and out after one failure
			%[1]s route breaker httpbin --max-connections 1 --max-pending 1 \
			  --max-requests-per-connection 1 --consecutive-5xx 1 --interval 1s \
			  --base-ejection 3m --max-ejection-percent 100

			# For one version only
			%[1]s route breaker reviews/v2 --max-connections 10

			# No bounds any more
			%[1]s route breaker httpbin --clear`),
		Args: serviceFirst(0, " --max-connections 1"),
		RunE: func(c *cobra.Command, args []string) error {
			service, version, err := serviceAndVersion(args[0])
			if err != nil {
				return err
			}
			w, err := f.writer(service, "breaker", typed(c, args), name, streams)
			if err != nil {
				return err
			}
			i, err := f.intent(w)
			if err != nil {
				return err
			}
			if i.Breaker, err = b.intent(version, c.Flags().Changed); err != nil {
				return err
			}
			w.plan = w.planned(i)
			return w.run(c.Context())
		},
	}
	flags := c.Flags()
	for _, n := range []struct{ name, text string }{
		{"max-connections", "Connections at a time"},
		{"max-pending", "Requests that wait for a connection"},
		{"max-requests-per-connection", "Requests after which a connection is closed"},
		{"max-retries", "Retries at a time"},
		{"consecutive-5xx", "Failures in a row after which an endpoint is taken out; 0: never"},
		{"max-ejection-percent", "Of how many endpoints at most, in percent"},
	} {
		b.numbers[n.name] = flags.Int64(n.name, 0, n.text)
	}
	for _, n := range []struct{ name, text string }{
		{"connect-timeout", "How long connecting may take"},
		{"interval", "How often endpoints are judged"},
		{"base-ejection", "How long an endpoint is out, times how often it was"},
	} {
		b.lengths[n.name] = flags.Duration(n.name, 0, n.text)
	}
	flags.BoolVar(&b.clear, "clear", false, "No bounds any more")
	flags.StringVar(&f.api, "api", f.api, "One of auto (the one in force), istio, gateway")
	f.add(flags)
	return c
}

// serviceAndVersion reads SERVICE, SERVICE/VERSION and svc/SERVICE.
func serviceAndVersion(arg string) (service, version string, err error) {
	parts := strings.Split(arg, "/")
	if len(parts) > 1 && fullType(parts[0]) == "service" {
		parts = parts[1:]
	}
	switch {
	case len(parts) == 1 && parts[0] != "":
		return parts[0], "", nil
	case len(parts) == 2 && parts[0] != "" && parts[1] != "":
		return parts[0], parts[1], nil
	}
	return "", "", fmt.Errorf("%q: name a service, or a version of it as SERVICE/VERSION", arg)
}

func (b breakerFlags) intent(version string, set func(string) bool) (*route.Breaker, error) {
	some := false
	number := func(name string) *int64 {
		if !set(name) {
			return nil
		}
		some = true
		return b.numbers[name]
	}
	length := func(name string) *time.Duration {
		if !set(name) {
			return nil
		}
		some = true
		return b.lengths[name]
	}
	out := &route.Breaker{
		Version: version, Clear: b.clear,
		MaxConnections: number("max-connections"), MaxPending: number("max-pending"),
		MaxRequestsPerConnection: number("max-requests-per-connection"), MaxRetries: number("max-retries"),
		Consecutive5xx: number("consecutive-5xx"), MaxEjectionPercent: number("max-ejection-percent"),
		ConnectTimeout: length("connect-timeout"), Interval: length("interval"), BaseEjection: length("base-ejection"),
	}
	if some == b.clear {
		return nil, errors.New("say what to bound, for example --max-connections 100, or --clear")
	}
	for name, n := range b.numbers {
		if set(name) && (*n < 0 || name == "max-ejection-percent" && *n > 100) {
			return nil, fmt.Errorf("--%s %d: use a number from 0%s", name, *n, map[bool]string{true: " to 100", false: ""}[name == "max-ejection-percent"])
		}
	}
	for name, d := range b.lengths {
		if set(name) && *d < time.Millisecond {
			return nil, fmt.Errorf("--%s %s: use a duration of at least 1ms", name, *d)
		}
	}
	return out, nil
}
