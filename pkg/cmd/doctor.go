package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// doctorFlags is what the user typed.
type doctorFlags struct {
	config        *genericclioptions.ConfigFlags
	files         []string
	selector      string
	output        string
	color         string
	checks        []string
	skip          []string
	failOn        string
	save          string
	allNamespaces bool
	allowUnknown  bool
}

// doctorOptions is what the run needs.
type doctorOptions struct {
	read         func(context.Context) (*mesh.Snapshot, error)
	checks       []diagnose.Check
	target       target
	connect      string
	format       string
	style        printer.Style
	failOn       diagnose.Severity // empty: never
	allowUnknown bool
	save         string
	genericiooptions.IOStreams
}

func newDoctor(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &doctorFlags{config: config, output: "table", color: "auto", failOn: "error"}
	c := &cobra.Command{
		Use:                   "doctor [TYPE/NAME ...] [-n NAMESPACE | -A] [-l SELECTOR] [-f FILE ...]",
		DisableFlagsInUseLine: true,
		Short:                 "Find out why pods have no sidecar, and how to fix it",
		Long: `Find out why pods have no sidecar, or why their sidecars do not work, and print the
commands that fix it.

Without arguments it looks at the current namespace and at everything that its pods
depend on: the API server's admission, the injection webhooks, istiod, labels and
revisions, and how requests are routed. It reads and never writes.

` + exitCodes,
		Example: examples(name, `
			# The current namespace, and what it depends on
			%[1]s doctor

			# The whole mesh
			%[1]s doctor -A

			# Why is this workload not in the mesh?
			%[1]s doctor deployment/web -n shop

			# For a script: exit code 1 when there is an error
			%[1]s doctor -A -o json

			# Record a cluster without its secrets, and look at the recording elsewhere
			%[1]s doctor -A --save mesh.yaml.gz
			%[1]s doctor -f mesh.yaml.gz`),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(args, streams)
			if err != nil {
				return err
			}
			o.style.Program = name
			return o.run(c.Context())
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "Manifests or a recording to look at instead of a cluster: a file, a folder, a .gz, or - for stdin")
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "Look at all namespaces")
	flags.StringVarP(&f.selector, "selector", "l", "", "Look at the workloads whose pods have these labels")
	flags.StringVarP(&f.output, "output", "o", f.output, "Output format: "+strings.Join(printer.DoctorFormats(), ", "))
	flags.StringVar(&f.color, "color", f.color, "Colours: auto, always, never")
	flags.StringSliceVar(&f.checks, "checks", nil, "Run only these checks (names, * matches)")
	flags.StringSliceVar(&f.skip, "skip", nil, "Leave these checks out (names, * matches)")
	flags.StringVar(&f.failOn, "fail-on", f.failOn, "End with exit code 1 at findings of this severity or worse: error, warning, info, never")
	flags.BoolVar(&f.allowUnknown, "allow-unknown", false, "Do not end with exit code 2 when nothing is found but a check is unknown")
	flags.StringVar(&f.save, "save", "", "Also write what was read, without secrets, to this file (.gz compresses)")
	c.AddCommand(newExplain(name, streams))
	return c
}

func (f *doctorFlags) options(args []string, streams genericiooptions.IOStreams) (*doctorOptions, error) {
	o := &doctorOptions{format: f.output, allowUnknown: f.allowUnknown, save: f.save, connect: connectFlags(f.config), IOStreams: streams}
	if !slices.Contains(printer.DoctorFormats(), f.output) {
		return nil, fmt.Errorf("--output %s: use one of %s", f.output, strings.Join(printer.DoctorFormats(), ", "))
	}
	switch sev := diagnose.Severity(f.failOn); sev {
	case diagnose.Error, diagnose.Warning, diagnose.Info:
		o.failOn = sev
	case "never":
	default:
		return nil, fmt.Errorf("--fail-on %s: use error, warning, info or never", f.failOn)
	}
	var err error
	if o.checks, err = choose(checks.All(), f.checks, f.skip); err != nil {
		return nil, err
	}
	if o.target, err = f.target(args); err != nil {
		return nil, err
	}
	if o.style, err = style(f.color, streams.Out); err != nil {
		return nil, err
	}
	o.style.Named = len(o.target.names) > 0
	o.style.Asked = o.target.String()
	if len(f.files) > 0 {
		o.connect = ""
		o.read = f.readFiles(o, streams)
	} else {
		o.read = f.readCluster(o)
	}
	return o, nil
}

// target works out what the question is about.
func (f *doctorFlags) target(args []string) (target, error) {
	var t target
	var err error
	if t.names, err = parseNames(args); err != nil {
		return t, err
	}
	if f.selector != "" {
		if t.selector, err = labels.Parse(f.selector); err != nil {
			return t, fmt.Errorf("--selector %q: %w", f.selector, err)
		}
	}
	given := f.config.Namespace != nil && *f.config.Namespace != ""
	switch {
	case f.allNamespaces && given:
		return t, errors.New("-n and -A cannot be used together")
	case f.allNamespaces && len(t.names) > 0:
		return t, errors.New("name workloads with -n NAMESPACE, not with -A")
	case f.allNamespaces:
		return t, nil
	case len(f.files) > 0 && !given:
		if len(t.names) > 0 {
			t.namespace = "default"
		}
		return t, nil
	}
	t.namespace, _, err = f.config.ToRawKubeConfigLoader().Namespace()
	return t, err
}

func (f *doctorFlags) readFiles(o *doctorOptions, streams genericiooptions.IOStreams) func(context.Context) (*mesh.Snapshot, error) {
	return func(ctx context.Context) (*mesh.Snapshot, error) {
		s, problems, err := cluster.ReadFiles(ctx, cluster.FileQuery{Paths: f.files, Stdin: streams.In, Namespace: o.target.namespace})
		for _, p := range problems {
			fmt.Fprintf(streams.ErrOut, "warning: %v\n", p)
		}
		return s, err
	}
}

func (f *doctorFlags) readCluster(o *doctorOptions) func(context.Context) (*mesh.Snapshot, error) {
	return func(ctx context.Context) (*mesh.Snapshot, error) {
		timeout, err := requestTimeout(f.config)
		if err != nil {
			return nil, err
		}
		_, anywhere := route.Kinds()
		return cluster.Read(ctx, cluster.Query{
			Getter: f.config, Kinds: kindsOf(o.checks), Namespaces: o.target.reads(), Anywhere: anywhere, Timeout: timeout,
		})
	}
}

func (o *doctorOptions) run(ctx context.Context) error {
	spareMemory()
	stop := spin(o.ErrOut, "looking at the cluster")
	s, err := o.read(ctx)
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	scope, err := o.target.scope(s)
	if err != nil {
		return err
	}
	if o.save != "" {
		if err := cluster.SaveFile(o.save, s); err != nil {
			return err
		}
	}
	report := diagnose.Run(s, o.checks, diagnose.Options{Scope: scope, Injector: newInjector(s), Connect: o.connect})
	if err := printer.Doctor(o.Out, report, o.format, o.style); err != nil {
		return err
	}
	err = verdict(report, o.failOn, o.allowUnknown)
	var exit *exitError
	if errors.As(err, &exit) && exit.code == exitFailed && (o.format == "short" || o.format == "name") {
		// These formats have no place for it, and silence would look like health.
		exit.err = fmt.Errorf("nothing found, but %d checks could not look; -o table says why", report.Count().Unknown)
	}
	return err
}

// verdict is the report as an exit code; nil for 0.
func verdict(r *diagnose.Report, failOn diagnose.Severity, allowUnknown bool) error {
	if failOn == "" {
		return nil
	}
	for _, f := range r.Findings {
		if f.Severity.Rank() <= failOn.Rank() {
			return &exitError{code: exitNo}
		}
	}
	for _, res := range r.Results {
		if res.Status == diagnose.Unknown && res.Severity.Rank() <= failOn.Rank() && !allowUnknown {
			return &exitError{code: exitFailed}
		}
	}
	return nil
}

// kindsOf lists what the checks read, each kind once.
func kindsOf(list []diagnose.Check) []mesh.Kind {
	kinds := append(diagnose.WorkloadKinds(), mesh.Pods, mesh.Namespaces, mesh.MutatingWebhooks)
	for _, c := range list {
		kinds = append(append(kinds, c.Needs...), c.Wants...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// requestTimeout is the deadline of one call: --request-timeout, or 15 s.
func requestTimeout(f *genericclioptions.ConfigFlags) (time.Duration, error) {
	if f.Timeout == nil || *f.Timeout == "" || *f.Timeout == "0" {
		return 15 * time.Second, nil
	}
	d, err := time.ParseDuration(*f.Timeout)
	if err != nil {
		d, err = time.ParseDuration(*f.Timeout + "s")
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("--request-timeout %s: use a duration such as 10s", *f.Timeout)
	}
	return d, nil
}
