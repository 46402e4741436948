package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// relabelFlags is what the user typed to enable or disable.
type relabelFlags struct {
	config       *genericclioptions.ConfigFlags
	revision     string
	dryRun       string
	timeout      time.Duration
	restart      bool
	wait         bool
	yes          bool
	forceOwner   bool
	leaveAmbient bool
	optOut       bool
}

func newRelabelFlags(config *genericclioptions.ConfigFlags) *relabelFlags {
	return &relabelFlags{config: config, dryRun: "none", timeout: 5 * time.Minute}
}

func (f *relabelFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.restart, "restart", false, "Restart the workloads whose running pods are other than new ones would be")
	flags.BoolVar(&f.wait, "wait", false, "Wait until the pods are as they should be, or say why they are not")
	flags.DurationVar(&f.timeout, "timeout", f.timeout, "How long to wait")
	flags.StringVar(&f.dryRun, "dry-run", f.dryRun, "One of none, client (only say what would be written), server (have the API server check it too)")
	flags.BoolVarP(&f.yes, "yes", "y", false, "Do not ask")
	flags.BoolVar(&f.forceOwner, "force-owner", false, "Also write what Argo CD, Flux and the like keep")
}

// relabel is what the run needs.
type relabel struct {
	query    cluster.Query // of the namespace, and of what it depends on
	plan     func(*mesh.Snapshot) (*membership.Plan, error)
	request  membership.Request
	restart  bool
	wait     bool
	timeout  time.Duration
	dryRun   cluster.DryRun
	yes      bool
	force    bool
	connect  string
	style    printer.Style
	now      func() time.Time
	look     time.Duration // how often, while waiting
	patience time.Duration // how long pods may be refused before waiting ends
	genericiooptions.IOStreams
}

func (f *relabelFlags) options(namespace, name string, streams genericiooptions.IOStreams) (*relabel, error) {
	switch {
	case len(validation.IsDNS1123Label(namespace)) > 0:
		return nil, fmt.Errorf("%q is no name of a namespace", namespace)
	case f.config.Namespace != nil && *f.config.Namespace != "":
		return nil, errors.New("name the namespace as the argument, without -n")
	case f.timeout <= 0:
		return nil, fmt.Errorf("--timeout %s: use a duration such as 5m", f.timeout)
	}
	how := cluster.DryRun(f.dryRun)
	if how != cluster.DryRunNone && how != cluster.DryRunClient && how != cluster.DryRunServer {
		return nil, fmt.Errorf("--dry-run %s: use none, client or server", f.dryRun)
	}
	timeout, err := requestTimeout(f.config)
	if err != nil {
		return nil, err
	}
	o := &relabel{
		restart: f.restart, wait: f.wait, timeout: f.timeout, dryRun: how, yes: f.yes, force: f.forceOwner,
		connect: connectFlags(f.config), now: time.Now, look: time.Second, patience: 20 * time.Second, IOStreams: streams,
		query: cluster.Query{Getter: f.config, Kinds: kindsOf(membershipChecks()), Namespaces: []string{namespace}, Timeout: timeout},
	}
	o.request = membership.Request{
		Namespace: namespace, Revision: f.revision, LeaveAmbient: f.leaveAmbient, OptOut: f.optOut,
		Kubectl: strings.TrimSpace("kubectl " + o.connect),
	}
	if o.style, err = style("auto", streams.Out); err != nil {
		return nil, err
	}
	o.style.Program = name
	return o, nil
}

// exactlyOne takes one argument and says what it is else.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("name %s", what)
		case 1:
			return nil
		}
		return fmt.Errorf("name %s, one at a time: %s", what, strings.Join(args, " "))
	}
}

// read looks at the cluster.
func (o *relabel) read(ctx context.Context) (*mesh.Snapshot, error) {
	stop := spin(o.ErrOut, "looking at the cluster")
	defer stop()
	s, err := cluster.Read(ctx, o.query)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s, err
}
