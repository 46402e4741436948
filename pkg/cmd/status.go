package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// statusFlags is what the user typed.
type statusFlags struct {
	config        *genericclioptions.ConfigFlags
	files         []string
	output        string
	allNamespaces bool
}

// statusOptions is what the run needs.
type statusOptions struct {
	read       func(context.Context) (*mesh.Snapshot, error)
	namespaces []string // empty: all
	format     string
	style      printer.Style
	genericiooptions.IOStreams
}

func newStatus(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &statusFlags{config: config, output: "table"}
	c := &cobra.Command{
		Use:                   "status [-n NAMESPACE | -A] [-f FILE ...]",
		DisableFlagsInUseLine: true,
		Short:                 "Show which namespaces are in the mesh, and how far",
		Long: `Show which namespaces are in the mesh, and how far.

MODE is sidecar, ambient, off, or mixed: labelled for both, or some workloads are in by
themselves. REVISION and TAG are what a new pod is injected by. IN-MESH counts the pods in
the mesh, of those that would be if they were created now. TO-RESTART counts the pods that
a new one would differ from: by having a sidecar, or by its revision or version; -o wide
tells why. What could not be read is "?", in JSON null.

Namespaces outside the mesh are counted in the last line, unless named with -n. JSON and
YAML (kind MeshStatus) hold all of them: name, mode, label, reason, revisions
[{name, tag}], workloads, pods, inMesh, expected, waitingToRestart, reasons, proxies
[{version, pods}], unknown.

Exit codes:
  0  shown
  2  could not do it: usage, an unknown namespace, unreachable; or something is "?"`,
		Example: examples(name, `
			# The current namespace
			%[1]s status

			# All namespaces, with why pods wait for a restart
			%[1]s status -A -o wide

			# From a recording of the doctor
			%[1]s status -A -f mesh.yaml.gz

			# The namespaces that are in the mesh
			%[1]s status -A -o name`),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := f.options(streams)
			if err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "Manifests or a recording to look at instead of a cluster: a file, a folder, a .gz, or - for stdin")
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "Look at all namespaces")
	flags.StringVarP(&f.output, "output", "o", f.output, "Output format: "+strings.Join(printer.StatusFormats(), ", "))
	return c
}

func (f *statusFlags) options(streams genericiooptions.IOStreams) (*statusOptions, error) {
	o := &statusOptions{format: f.output, IOStreams: streams}
	if !slices.Contains(printer.StatusFormats(), f.output) {
		return nil, fmt.Errorf("--output %s: use one of %s", f.output, strings.Join(printer.StatusFormats(), ", "))
	}
	given := f.config.Namespace != nil && *f.config.Namespace != ""
	if f.allNamespaces && given {
		return nil, errors.New("-n and -A cannot be used together")
	}
	if !f.allNamespaces && (given || len(f.files) == 0) {
		namespace, _, err := f.config.ToRawKubeConfigLoader().Namespace()
		if err != nil {
			return nil, err
		}
		o.namespaces = []string{namespace}
	}
	var err error
	if o.style, err = style("never", streams.Out); err != nil {
		return nil, err
	}
	o.style.Named = len(o.namespaces) > 0
	o.read = f.readCluster(o)
	if len(f.files) > 0 {
		o.read = f.readFiles(o)
	}
	return o, nil
}

func (f *statusFlags) readFiles(o *statusOptions) func(context.Context) (*mesh.Snapshot, error) {
	return func(ctx context.Context) (*mesh.Snapshot, error) {
		q := cluster.FileQuery{Paths: f.files, Stdin: o.In, Namespace: strings.Join(o.namespaces, "")}
		s, problems, err := cluster.ReadFiles(ctx, q)
		for _, p := range problems {
			fmt.Fprintf(o.ErrOut, "warning: %v\n", p)
		}
		return s, err
	}
}

func (f *statusFlags) readCluster(o *statusOptions) func(context.Context) (*mesh.Snapshot, error) {
	return func(ctx context.Context) (*mesh.Snapshot, error) {
		timeout, err := requestTimeout(f.config)
		if err != nil {
			return nil, err
		}
		return cluster.Read(ctx, cluster.Query{Getter: f.config, Kinds: membership.Kinds(), Namespaces: o.namespaces, Timeout: timeout})
	}
}

func (o *statusOptions) run(ctx context.Context) error {
	stop := spin(o.ErrOut, "looking at the cluster")
	s, err := o.read(ctx)
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	for _, ns := range o.namespaces {
		if err := mustExist(s, ns); err != nil {
			return err
		}
	}
	st := membership.Of(s, o.namespaces...)
	if err := printer.Status(o.Out, st, o.format, o.style); err != nil {
		return err
	}
	if unknown := unknownOf(st); len(unknown) > 0 {
		return fmt.Errorf("not everything is known: %s", strings.Join(unknown, "; "))
	}
	return nil
}

// unknownOf says what is not known, each once, and the first few of many.
func unknownOf(st *membership.Status) []string {
	var all []string
	for _, n := range st.Namespaces {
		for _, why := range n.Unknown {
			if !slices.Contains(all, why) {
				all = append(all, why)
			}
		}
	}
	if len(all) > 3 {
		all = append(all[:3], fmt.Sprintf("and %d more", len(all)-3))
	}
	return all
}
