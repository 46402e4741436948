package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	core "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

// injectFlags is what the user typed.
type injectFlags struct {
	config *genericclioptions.ConfigFlags
	input  inputFlags
	source sourceFlags
	output outputFlags

	compare        string
	respectCluster bool
}

func newInject(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &injectFlags{config: config}
	c := &cobra.Command{
		Use:                   "inject (-f FILE ... | -k DIRECTORY | TYPE/NAME ...) [--from SOURCE]",
		DisableFlagsInUseLine: true,
		Short:                 "Give manifests their sidecar, as the cluster's webhook would",
		Long: `Give manifests their sidecar, as the cluster's webhook would.

istiod's own webhook code runs here, with the configuration of the revision that would
inject the workload. Comments, key order and quoting of a file stay: a diff in Git shows
the sidecar alone. What has no pod template passes through byte for byte.

--from says where the configuration comes from:
  cluster  the ConfigMaps of the revision that would inject (default)
  webhook  istiod itself is asked, through the API server
  files    --inject-config-file, --mesh-config-file, --values-file
  builtin  the charts of Istio ` + inject.IstioVersion + ` in this program; no cluster is needed

` + injectExitCodes,
		Example: examples(name, `
			# A manifest with its sidecar, applied
			%[1]s inject -f deployment.yaml | kubectl apply -f -

			# Without a cluster, with the default settings of Istio
			%[1]s inject -f deployment.yaml --from builtin

			# What would change in the files of a folder, and then change them
			%[1]s inject -f manifests/ -R --diff
			%[1]s inject -f manifests/ -R --in-place

			# Would these be injected? Exit code 1 if not
			%[1]s inject -f deployment.yaml --check

			# A workload of the cluster
			%[1]s inject deployment/web -n shop --diff`),
		RunE: func(c *cobra.Command, args []string) error {
			f.source.named = c.Flags().Changed("from")
			return f.run(c.Context(), args, streams)
		},
	}
	flags := c.Flags()
	f.input.add(flags)
	f.source.add(flags)
	f.output.add(flags)
	flags.BoolVar(&f.output.check, "check", false, "Only report; exit code 1 if something would not be injected")
	flags.StringVar(&f.compare, "compare", "", "Only say in what --from and this source disagree")
	flags.BoolVar(&f.respectCluster, "respect-cluster", false, "Leave alone what the cluster's webhook would not be called for")
	flags.SetNormalizeFunc(dashed)
	return c
}

// dashed takes istioctl's spelling of flags for ours: --injectConfigFile is
// --inject-config-file.
func dashed(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' && b.Len() > 0 {
			b.WriteByte('-')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	if len(name) == 1 {
		return pflag.NormalizedName(name)
	}
	return pflag.NormalizedName(b.String())
}

func (f *injectFlags) run(ctx context.Context, args []string, streams genericiooptions.IOStreams) error {
	if err := f.output.validate(f.input, f.compare); err != nil {
		return err
	}
	if err := f.source.validate(f.compare); err != nil {
		return err
	}
	namespace, _, err := f.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	texts, err := f.input.read(ctx, f.config, namespace, args, streams.In)
	if err != nil {
		return err
	}
	stop := spin(streams.ErrOut, "looking at the cluster")
	defer stop()
	reader, err := f.source.reader(ctx, f.config, texts, namespace)
	if err != nil {
		return err
	}
	from, err := f.source.open(ctx, f.source.from, reader)
	if err != nil {
		return err
	}
	if f.compare != "" {
		with, err := f.source.open(ctx, f.compare, reader)
		if err != nil {
			return err
		}
		stop()
		return compare(streams.Out, texts, namespace, named{f.source.from, from}, named{f.compare, with})
	}
	warnings, err := newWarner(from.snapshot)
	if err != nil {
		return err
	}
	results, err := editTexts(ctx, texts, func(obj map[string]any) (map[string]any, []inject.Outcome, error) {
		after, outcomes, err := f.object(from, obj, namespace)
		warnings.take(outcomes)
		return after, outcomes, err
	})
	stop()
	if err != nil {
		return err
	}
	return f.output.write(ctx, f.config, results, warnings.found, streams)
}

// object injects one object from a source.
func (f *injectFlags) object(from *source, obj map[string]any, namespace string) (map[string]any, []inject.Outcome, error) {
	aside := ""
	after, outcomes, err := inject.Object(obj, namespace, func(pod *core.Pod) (*inject.Engine, error) {
		e, why, err := from.engine(pod)
		if aside = why; aside != "" && f.respectCluster {
			return nil, err
		}
		return e, err
	})
	if err == nil && aside != "" && f.respectCluster {
		return obj, inject.LeftAlone(obj, namespace, "not-called", aside), nil
	}
	for i := range outcomes {
		if aside != "" && outcomes[i].Status == inject.Injected {
			outcomes[i].Notes = append(outcomes[i].Notes, "the cluster would not inject it by itself: "+aside)
		}
	}
	return after, outcomes, err
}

// edited is what became of a text.
type edited struct {
	input
	after    pieces
	outcomes []inject.Outcome
}

// pieces are a text, which a large one stays in while it waits to be written.
type pieces [][]byte

func whole(text []byte) pieces { return pieces{text} }

// bytes is the text in one.
func (p pieces) bytes() []byte {
	if len(p) == 1 {
		return p[0]
	}
	return bytes.Join(p, nil)
}

// changed reports whether the text is another now.
func (e edited) changed() bool {
	rest := e.text
	for _, p := range e.after {
		if !bytes.HasPrefix(rest, p) {
			return true
		}
		rest = rest[len(p):]
	}
	return len(rest) > 0
}

// editTexts edits texts one after the other, each on all cores; of the first
// that cannot be edited it returns the error.
func editTexts(ctx context.Context, texts []input, edit inject.Edit) ([]edited, error) {
	var all []edited
	for _, t := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		after, outcomes, err := inject.EditPieces(t.text, stoppable(ctx, edit))
		if err != nil {
			return nil, inputError(t, err)
		}
		all = append(all, edited{t, after, outcomes})
	}
	return all, nil
}

// stoppable is an edit that ends with ctx: Ctrl-C does not wait for the rest of
// a large text.
func stoppable(ctx context.Context, edit inject.Edit) inject.Edit {
	return func(obj map[string]any) (map[string]any, []inject.Outcome, error) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		return edit(obj)
	}
}

// inputError puts a text's name before what is wrong with it.
func inputError(t input, err error) error {
	var source *sourceError
	if errors.As(err, &source) {
		return source
	}
	if t.live != nil {
		var doc *inject.DocumentError
		if errors.As(err, &doc) {
			err = doc.Err
		}
	}
	return fmt.Errorf("%s: %w", t.name, err)
}

// once makes a function that is worked out once for each key, from many
// goroutines.
func once[K comparable, V any](make func(K) (V, error)) func(K) (V, error) {
	type made struct {
		sync.Once
		value V
		err   error
	}
	var mu sync.Mutex
	all := map[K]*made{}
	return func(k K) (V, error) {
		mu.Lock()
		m := all[k]
		if m == nil {
			m = &made{}
			all[k] = m
		}
		mu.Unlock()
		m.Do(func() { m.value, m.err = make(k) })
		return m.value, m.err
	}
}

// outcomesOf are those of all texts.
func outcomesOf(results []edited) []inject.Outcome {
	var all []inject.Outcome
	for _, r := range results {
		all = append(all, r.outcomes...)
	}
	return slices.Clip(all)
}
