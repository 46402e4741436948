package cmd

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func newDisable(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRelabelFlags(config)
	c := &cobra.Command{
		Use:                   "disable NAMESPACE [--opt-out] [--restart] [--wait]",
		DisableFlagsInUseLine: true,
		Short:                 "Have the pods of a namespace get no sidecars any more",
		Long: `Have the pods of a namespace get no sidecars any more: the labels istio-injection and
istio.io/rev are taken off it. Where webhooks take namespaces that say nothing, it is
labelled istio-injection=disabled instead.

Workloads that ask for a sidecar themselves (labels sidecar.istio.io/inject and
istio.io/rev of their pods) keep it; with --opt-out the namespace is labelled
istio-injection=disabled, which they cannot override.

Running pods keep their sidecar until they are replaced: --restart does that. Ambient
mode is left as it is.

` + enableExitCodes,
		Example: examples(name, `
			# Take the labels off, restart what runs with a sidecar, wait until none has one
			%[1]s disable shop --restart --wait

			# Also for workloads that ask for a sidecar themselves
			%[1]s disable shop --opt-out

			# What would happen?
			%[1]s disable shop --dry-run=client`),
		Args: exactlyOne("a namespace"),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(args[0], name, streams)
			if err != nil {
				return err
			}
			o.plan = func(s *mesh.Snapshot) (*membership.Plan, error) { return membership.Disable(s, o.request) }
			return o.run(c.Context())
		},
	}
	c.Flags().BoolVar(&f.optOut, "opt-out", false, "Label the namespace istio-injection=disabled, which its pods cannot override")
	f.add(c.Flags())
	return c
}
