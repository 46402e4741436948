package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// routeManager is the field manager of changes to routing.
const routeManager = "mesh-route"

// routeExitCodes is the table of exit codes for the verbs that write.
const routeExitCodes = `Exit codes:
  0  done, and seen at the proxies; or as it should be already; a dry run
  1  refused by a safety rule or an owner, and nothing was written; --diff with differences
  2  could not do it, and nothing was written: usage, an unknown name, unreachable, forbidden,
     declined, no terminal to ask on and no -y
  3  written, but not seen at the proxies in time, or they could not be looked at
  4  written, failed in the middle or interrupted, rolled back`

// historyNotKept is the check that a change is noted in the history; it is the
// one that is about the writing and not about the plan.
const historyNotKept = "history-not-kept"

// routeChecks are the names that --allow takes.
func routeChecks() []string {
	return []string{
		"ambient-without-waypoint", "breaker-per-client", "client-without-sidecar", "destination-rule-hidden", "ejection-never-possible",
		"fault-disables-timeout", historyNotKept, "no-catch-all", "route-apis-conflict", "route-scope-ambiguous", "rule-unreachable",
		"share-above-ready-share", "stale-fault", "subset-missing", "subset-policy-inactive", "subset-without-endpoints",
		"tcp-drains-connections", "virtualservice-host-conflict", "weights-sum-zero",
	}
}

// routeFlags are those of every verb that changes how a service is routed.
type routeFlags struct {
	config     *genericclioptions.ConfigFlags
	api        string
	scope      string
	rule       string
	reason     string
	dryRun     string
	output     string
	manager    string
	allow      []string
	timeout    time.Duration
	wait       bool
	yes        bool
	diff       bool
	forceOwner bool
}

func newRouteFlags(config *genericclioptions.ConfigFlags) *routeFlags {
	return &routeFlags{config: config, api: "auto", dryRun: "none", manager: routeManager, timeout: time.Minute, wait: true}
}

// add adds the flags of every writing verb.
func (f *routeFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.reason, "reason", "", "Why, for the history")
	flags.BoolVar(&f.wait, "wait", f.wait, "Wait until the proxies have it")
	flags.DurationVar(&f.timeout, "timeout", f.timeout, "How long to wait for the proxies")
	flags.BoolVarP(&f.yes, "yes", "y", false, "Do not ask")
	flags.StringVar(&f.dryRun, "dry-run", f.dryRun, "One of none, client (only show what would be written), server (have the API server check it too)")
	flags.BoolVar(&f.diff, "diff", false, "Only show the differences; exit code 1 where there are some")
	flags.StringArrayVar(&f.allow, "allow", nil, "Go on although this check is against it (its name; may be repeated)")
	flags.BoolVar(&f.forceOwner, "force-owner", false, "Also write what Argo CD, Flux and the like keep")
	flags.StringVar(&f.manager, "field-manager", f.manager, "Name that the API server notes as the writer's")
	flags.StringVarP(&f.output, "output", "o", "", "With --dry-run, the plan as: yaml, json")
}

// addRule adds the flags that say which rules are meant.
func (f *routeFlags) addRule(flags *pflag.FlagSet) {
	f.addAPI(flags)
	flags.StringVar(&f.rule, "rule", "", "Rule that is meant: its name, #2 by place, or all (default: the one for all other requests)")
}

// addAPI adds the flags that say where rules are.
func (f *routeFlags) addAPI(flags *pflag.FlagSet) {
	flags.StringVar(&f.api, "api", f.api, "One of auto (the one in force), istio, gateway")
	flags.StringVar(&f.scope, "scope", "", "Whose requests: mesh, gateway/NAMESPACE/NAME or all")
}

// writer makes the run of a verb out of the flags.
func (f *routeFlags) writer(service, verb string, args []string, name string, streams genericiooptions.IOStreams) (*routeWrite, error) {
	service, err := serviceName(service)
	if err != nil {
		return nil, err
	}
	namespace, _, err := f.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	how := cluster.DryRun(f.dryRun)
	switch {
	case how != cluster.DryRunNone && how != cluster.DryRunClient && how != cluster.DryRunServer:
		return nil, fmt.Errorf("--dry-run %s: use none, client or server", f.dryRun)
	case f.timeout <= 0:
		return nil, fmt.Errorf("--timeout %s: use a duration such as 60s", f.timeout)
	case f.output != "" && f.output != "yaml" && f.output != "json":
		return nil, fmt.Errorf("--output %s: use yaml or json", f.output)
	case f.output != "" && (how == cluster.DryRunNone || f.diff):
		return nil, errors.New("--output is for plans: use it with --dry-run=client or --dry-run=server, and without --diff")
	case f.manager == "":
		return nil, errors.New("--field-manager needs a name")
	}
	for _, check := range f.allow {
		if !slices.Contains(routeChecks(), check) {
			return nil, fmt.Errorf("--allow %s: there is no such check; use one of %s", check, strings.Join(routeChecks(), ", "))
		}
	}
	timeout, err := requestTimeout(f.config)
	if err != nil {
		return nil, err
	}
	w := &routeWrite{
		query:     cluster.Query{Getter: f.config, Timeout: timeout},
		namespace: namespace, service: service, verb: verb, args: args, reason: f.reason,
		name: name, connect: connectFlags(f.config),
		dryRun: how, diff: f.diff, output: f.output, manager: f.manager, allow: f.allow, forceOwner: f.forceOwner,
		wait: f.wait, timeout: f.timeout, yes: f.yes, now: time.Now, IOStreams: streams,
	}
	if w.style, err = style("auto", streams.Out); err != nil {
		return nil, err
	}
	return w, nil
}

// intent begins what is wanted of the service.
func (f *routeFlags) intent(w *routeWrite) (route.Intent, error) {
	i := route.Intent{Namespace: w.namespace, Service: w.service, Scope: f.scope, Rule: f.rule}
	switch f.api {
	case "auto":
	case "istio":
		i.API = route.Istio
	case "gateway":
		i.API = route.Gateway
	default:
		return i, fmt.Errorf("--api %s: use auto, istio or gateway", f.api)
	}
	parts := strings.Split(f.scope, "/")
	named := len(parts) == 3 && parts[0] == "gateway" && parts[1] != "" && parts[2] != ""
	if f.scope != "" && f.scope != "mesh" && f.scope != "all" && !named {
		return i, fmt.Errorf("--scope %s: use mesh, gateway/NAMESPACE/NAME or all", f.scope)
	}
	return i, nil
}

// run plans an intent, with one action set by act, and carries the plan out.
func (f *routeFlags) run(c *cobra.Command, args []string, verb, name string, streams genericiooptions.IOStreams, act func(*route.Intent, *routeWrite) error) error {
	w, err := f.writer(args[0], verb, typed(c, args), name, streams)
	if err != nil {
		return err
	}
	i, err := f.intent(w)
	if err != nil {
		return err
	}
	if err := act(&i, w); err != nil {
		return err
	}
	w.plan = w.planned(i)
	return w.run(c.Context())
}

// typed is what was typed after the verb: the arguments, and the flags that say
// what is wanted, in the order of their names.
func typed(c *cobra.Command, args []string) []string {
	all := slices.Clone(args)
	how := []string{"reason", "wait", "timeout", "yes", "dry-run", "diff", "field-manager", "output"}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed || slices.Contains(how, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if f.Value.Type() == "bool" && v == "true" {
				all = append(all, "--"+f.Name)
				continue
			}
			all = append(all, "--"+f.Name, printer.Clean(v))
		}
	})
	return all
}

// serviceName takes NAME, svc/NAME or service/NAME.
func serviceName(arg string) (string, error) {
	kind, name, typed := strings.Cut(arg, "/")
	if !typed {
		kind, name = "service", arg
	}
	if fullType(kind) != "service" || name == "" || strings.Contains(name, "/") {
		return "", fmt.Errorf("%q: name a service, for example reviews", arg)
	}
	return name, nil
}

// serviceFirst takes a service and up to more arguments, and says what is
// missing else.
func serviceFirst(more int, rest string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return errors.New("name a service, for example reviews" + rest)
		case more >= 0 && len(args) > more+1:
			return fmt.Errorf("too many arguments: %s", strings.Join(args[more+1:], " "))
		}
		return nil
	}
}
