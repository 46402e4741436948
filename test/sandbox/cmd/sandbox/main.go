// Command sandbox builds, starts and steers a control plane on this machine: "sandbox up" starts one in the
// background and prints how to use it, "sandbox down" ends it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "sandbox", Short: "A real control plane on this machine, with Istio",
		SilenceUsage: true, SilenceErrors: true,
	}
	dir := root.PersistentFlags().String("dir", defaultDir(), "folder of the sandbox; several sandboxes need several folders")
	root.AddCommand(newBuild(), newUp(dir), newServe(dir), newDown(dir), newStatus(dir))
	for _, c := range remoteCommands() {
		root.AddCommand(newRemote(dir, c))
	}
	return root
}

func defaultDir() string {
	if dir := os.Getenv("KUBECTL_MESH_SANDBOX_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(os.TempDir(), "kubectl-mesh-sandbox-"+strconv.Itoa(os.Getuid()))
}

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use: "build", Short: "Compile the programs of the sandbox, about 15 minutes on two cores when cold", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			bin, err := sandbox.Build(c.Context(), c.ErrOrStderr())
			if err != nil {
				return err
			}
			if _, err := sandbox.BuildProxies(c.Context(), c.ErrOrStderr()); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), bin)
			return nil
		},
	}
}
