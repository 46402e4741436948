package cmd

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// enableExitCodes is the table of exit codes for enable and disable.
const enableExitCodes = `Exit codes:
  0  done, or as it should be already; a dry run
  1  refused, and nothing was written: Argo CD, Flux or the like keeps an object, the
     namespace is in ambient mode, or istiod never injects there
  2  could not do it, and nothing was written: usage, an unknown namespace or revision,
     unreachable, forbidden, declined, no terminal to ask on and no -y
  3  written, but with --wait not every pod was seen as it should be in time
  4  written, failed in the middle or interrupted, rolled back`

func newEnable(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	f := newRelabelFlags(config)
	c := &cobra.Command{
		Use:                   "enable NAMESPACE [--revision REVISION] [--restart] [--wait]",
		DisableFlagsInUseLine: true,
		Short:                 "Have the pods of a namespace get sidecars",
		Long: `Have the pods of a namespace get sidecars, by the label that its control plane listens
to: istio-injection=enabled for the default one, else istio.io/rev. The other label is
taken off, since istio-injection wins over istio.io/rev. Without --revision a namespace
whose label works keeps it.

Before anything is written it says which workloads get a sidecar, which do not and why,
and what the API server or istiod would then refuse; then it asks. Running pods keep what
they have until they are replaced: --restart restarts the workloads that wait for it,
never those that opted out. Where a write fails, those before it are undone.

` + enableExitCodes,
		Example: examples(name, `
			# Label the namespace, restart what runs without a sidecar, wait until all is in the mesh
			%[1]s enable shop --restart --wait

			# With the control plane of a revision or a tag
			%[1]s enable shop --revision canary

			# What would happen?
			%[1]s enable shop --restart --dry-run=server`),
		Args: exactlyOne("a namespace"),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(args[0], name, streams)
			if err != nil {
				return err
			}
			o.plan = func(s *mesh.Snapshot) (*membership.Plan, error) { return membership.Enable(s, o.request) }
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&f.revision, "revision", "", "Revision or tag of the control plane that injects")
	c.Flags().BoolVar(&f.leaveAmbient, "leave-ambient", false, "Take the namespace out of ambient mode")
	f.add(c.Flags())
	return c
}
