// Package cmd holds the commands: one file each, flags to options to run. It
// is the only package that knows exit codes.
package cmd

import (
	"context"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // users' clusters ask for these
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

// Main runs the program as args (with args[0] its own path) and returns the
// exit code. Ctrl-C ends it at once.
func Main(args []string, streams genericiooptions.IOStreams) int {
	if err := inject.Logs(false); err != nil { // before anything of Istio can write to stdout
		return exitCode(err, args[0], streams.ErrOut)
	}
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	name := displayName(args[0])
	root := newRoot(name, streams)
	root.SetArgs(args[1:])
	return exitCode(root.ExecuteContext(ctx), name, streams.ErrOut)
}

// limitMemory has garbage collected more often once a very large mesh fills
// 400 MiB; GOMEMLIMIT says otherwise. It is no hard limit: what is needed is
// taken.
func limitMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(400 << 20)
	}
}

// displayName is how the user calls the program: kubectl turns
// "kubectl mesh" into a file named kubectl-mesh, and dashes in a plugin's name
// into underscores.
func displayName(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), ".exe")
	name, plugin := strings.CutPrefix(base, "kubectl-")
	if !plugin {
		return base
	}
	return "kubectl " + strings.ReplaceAll(name, "_", "-")
}

func newRoot(name string, streams genericiooptions.IOStreams) *cobra.Command {
	config := genericclioptions.NewConfigFlags(true).WithDiscoveryQPS(50).WithDiscoveryBurst(300)
	config.WrapConfigFn = withoutRateLimit
	root := &cobra.Command{
		Use:         strings.ReplaceAll(name, " ", "-"),
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: name},
		Short:       "Find out why pods are not in the Istio mesh, and bring them in",
		Long: `Find out why a pod has no Istio sidecar, or why its sidecar does not work, and print
the command that fixes it; give manifests and namespaces their sidecars; see how
traffic is routed, and move it.`,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.CompletionOptions.DisableDefaultCmd = true
	config.AddFlags(root.PersistentFlags())
	groups := templates.CommandGroups{
		{Message: "Diagnosis:", Commands: []*cobra.Command{newDoctor(config, name, streams)}},
		{Message: "Injection:", Commands: []*cobra.Command{newInject(config, name, streams), newUninject(config, name, streams)}},
		{Message: "Namespaces:", Commands: []*cobra.Command{newStatus(config, name, streams), newEnable(config, name, streams), newDisable(config, name, streams)}},
		{Message: "Traffic:", Commands: []*cobra.Command{newRoute(config, name, streams)}},
		{Message: "Other commands:", Commands: []*cobra.Command{newVersion(config, streams)}},
	}
	groups.Add(root)
	templates.ActsAsRootCommand(root, []string{"options", "help"}, groups...)
	root.AddCommand(newOptions(name))
	fixUsage(root, name)
	return root
}

// newOptions is kubectl's "options": the flags that every command takes.
func newOptions(name string) *cobra.Command {
	c := &cobra.Command{
		Use:   "options",
		Short: "List the flags that every command takes",
		Run:   func(c *cobra.Command, _ []string) { _ = c.Usage() },
	}
	templates.UseOptionsTemplates(c)
	return c
}
