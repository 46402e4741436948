package cmd

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

// uninjectFlags is what the user typed.
type uninjectFlags struct {
	config *genericclioptions.ConfigFlags
	input  inputFlags
	output outputFlags
}

func newUninject(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := &uninjectFlags{config: config}
	c := &cobra.Command{
		Use:                   "uninject (-f FILE ... | -k DIRECTORY | TYPE/NAME ...)",
		DisableFlagsInUseLine: true,
		Short:                 "Take the sidecar out of manifests again",
		Long: `Take the sidecar out of manifests again.

What istiod recorded in a workload (sidecar.istio.io/status, proxy.istio.io/overrides,
the probes) is taken out or put back as it was. Labels and annotations that Istio adds
without recording them are taken out where they have the value that Istio gives them,
and named on stderr. No cluster is asked.

` + uninjectExitCodes,
		Example: examples(name, `
			# Without the sidecar
			%[1]s uninject -f injected.yaml

			# In the files of a folder
			%[1]s uninject -f manifests/ -R --in-place`),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args, streams) },
	}
	f.input.add(c.Flags())
	f.output.add(c.Flags())
	return c
}

func (f *uninjectFlags) run(ctx context.Context, args []string, streams genericiooptions.IOStreams) error {
	if err := f.output.validate(f.input, ""); err != nil {
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
	results, err := editTexts(ctx, texts, func(obj map[string]any) (map[string]any, []inject.Outcome, error) {
		after, outcomes := inject.Uninject(obj, namespace)
		return after, outcomes, nil
	})
	if err != nil {
		return err
	}
	return f.output.write(ctx, f.config, results, nil, streams)
}
