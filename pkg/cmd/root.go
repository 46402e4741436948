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
	name, args := asCalled(args)
	root := newRoot(name, streams)
	root.SetArgs(args)
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

// spareMemory has garbage collected more often than Go would, for a command
// that holds nearly all that it ever makes; GOGC says otherwise.
func spareMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(60)
	}
}

// asCalled is the name that the program goes by, and its arguments. kubectl
// calls a plugin's completion as a program of its own, kubectl_complete-mesh
// (k8s.io/kubectl v0.35.0, pkg/cmd/plugin/plugin_completion.go): this one under
// another name.
func asCalled(args []string) (name string, rest []string) {
	dir, base := filepath.Split(args[0])
	if plugin, completes := strings.CutPrefix(base, completionPrefix); completes {
		return displayName(filepath.Join(dir, pluginPrefix+plugin)), append([]string{cobra.ShellCompRequestCmd}, args[1:]...)
	}
	return displayName(args[0]), args[1:]
}

// What kubectl calls a plugin, and the program that completes its arguments.
const (
	pluginPrefix     = "kubectl-"
	completionPrefix = "kubectl_complete-"
)

// displayName is how the user calls the program: kubectl turns
// "kubectl mesh" into a file named kubectl-mesh, and dashes in a plugin's name
// into underscores.
func displayName(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), ".exe")
	name, plugin := strings.CutPrefix(base, pluginPrefix)
	if !plugin {
		return base
	}
	return "kubectl " + strings.ReplaceAll(name, "_", "-")
}

func newRoot(name string, streams genericiooptions.IOStreams) *cobra.Command {
	config := genericclioptions.NewConfigFlags(true).WithDiscoveryQPS(50).WithDiscoveryBurst(300)
	config.WrapConfigFn = withoutRateLimit
	root := newCommands(config, name, streams)
	newCompleter(config).addTo(root)
	return root
}

// newCommands is the tree of commands, without what completes their words.
func newCommands(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	root := &cobra.Command{
		Use:         strings.ReplaceAll(name, " ", "-"),
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: name},
		Short:       "Find out why pods are not in the Istio mesh, and bring them in",
		Long: `Find out why a pod has no Istio sidecar, or why its sidecar does not work, and print
the command that fixes it; give manifests and namespaces their sidecars; see how
traffic is routed, and move it.

` + allExitCodes,
		Example: examples(name, `
			# Why is this workload not in the mesh, and what fixes it?
			%[1]s doctor deployment/web -n shop

			# A manifest with its sidecar, as the cluster's webhook would give it
			%[1]s inject -f deployment.yaml

			# Who is in the mesh?
			%[1]s status -A

			# A fifth of the requests to v2
			%[1]s route shift reviews v2=20`),
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
		{Message: "Other commands:", Commands: []*cobra.Command{newCompletion(name, streams), newVersion(config, name, streams)}},
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
		Example: examples(name, `
			# How do I reach another cluster, or another user's view of it?
			%[1]s options`),
		Args: cobra.NoArgs,
	}
	templates.UseOptionsTemplates(c)
	list := c.UsageFunc()
	c.Run = func(c *cobra.Command, _ []string) { _ = list(c) }
	c.SetUsageFunc(nil) // its help is as that of other commands
	c.SetHelpFunc(nil)
	return c
}
