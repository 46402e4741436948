package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// addTo gives every command of a tree what completes its arguments and flags.
// What has nothing to offer offers no files either, but for the flags that
// take some.
func (c completer) addTo(root *cobra.Command) {
	values, arguments := c.flagValues(), c.arguments()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		path := strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), root.CommandPath()))
		if f := arguments[path]; f != nil {
			cmd.ValidArgsFunction = f
		}
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		register := func(f *pflag.Flag) {
			complete := values[path+" --"+f.Name]
			if complete == nil {
				complete = values["--"+f.Name]
			}
			if complete == nil && !slices.Contains(fileFlags(), f.Name) {
				complete = cobra.NoFileCompletions
			}
			if complete != nil {
				_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // fails for flags that are not there
			}
		}
		if cmd == root {
			cmd.PersistentFlags().VisitAll(register)
		} else {
			cmd.LocalNonPersistentFlags().VisitAll(register)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// arguments complete what stands behind a command.
func (c completer) arguments() map[string]cobra.CompletionFunc {
	services := c.names(mesh.Services)
	all := map[string]cobra.CompletionFunc{
		"doctor explain": checkNames, "doctor": c.workloads(mesh.Services, mesh.Namespaces), "inject": c.workloads(), "uninject": c.workloads(),
		"enable": firstOnly(c.names(mesh.Namespaces)), "disable": firstOnly(c.names(mesh.Namespaces)),
		"route list": services, "route shift": then(services, c.shares), "route tcp": then(services, c.shares),
		"route breaker": firstOnly(c.serviceOrVersion), "route subset": then(services, c.subsetVerbs),
	}
	for _, verb := range []string{"describe", "match", "fault", "timeout", "retry", "mirror", "history", "undo", "reset"} {
		all["route "+verb] = firstOnly(services)
	}
	return all
}

// flagValues complete the values of flags: of a command's own, else of all that
// are called so.
func (c completer) flagValues() map[string]cobra.CompletionFunc {
	all := map[string]cobra.CompletionFunc{
		"--namespace": c.names(mesh.Namespaces), "--context": c.kubeconfig("context"),
		"--cluster": c.kubeconfig("cluster"), "--user": c.kubeconfig("user"),
		"--revision": c.revisions, "route history --revision": cobra.NoFileCompletions,
		"--checks": checkNames, "--skip": checkNames,
		"--to": c.versions, "--adjust": c.adjusted,
		"--rule": c.rules, "--before": c.rules, "--remove": c.rules,
		"--gateway": c.names(mesh.Gateways),
		"--kustomize": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	for flag, words := range choices() {
		all[flag] = func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return among(typed, words...), cobra.ShellCompDirectiveNoFileComp
		}
	}
	return all
}

// choices are the words that flags take, by flag, or by command and flag.
func choices() map[string][]string {
	var forPrograms []string
	for _, f := range routeFormats() {
		word, _, _ := strings.Cut(f, "=") // what follows is the user's
		forPrograms = append(forPrograms, word)
	}
	return map[string][]string{
		"--output": {"json", "yaml"}, "doctor --output": printer.DoctorFormats(), "status --output": printer.StatusFormats(),
		"route list --output": forPrograms, "route describe --output": forPrograms[2:], "route history --output": {"table", "json", "yaml"},
		"--color": {"auto", "always", "never"}, "--fail-on": {"error", "warning", "info", "never"},
		"--dry-run": {"none", "client", "server"}, "--api": {"auto", "istio", "gateway"}, "--scope": {"mesh", "all"},
		"--from": {fromCluster, fromWebhook, fromFiles, fromBuiltin}, "--compare": {fromCluster, fromWebhook, fromFiles, fromBuiltin},
		"--report": {"text", "json", "none"}, "--allow": routeChecks(),
	}
}

// fileFlags take files, which the shell completes.
func fileFlags() []string {
	return []string{
		"filename", "save", "inject-config-file", "mesh-config-file", "values-file",
		"kubeconfig", "cache-dir", "certificate-authority", "client-certificate", "client-key", "dir",
	}
}

// kubeconfig completes the names that the kubeconfig has for contexts,
// clusters or users.
func (c completer) kubeconfig(what string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		raw, err := c.config.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		add := func(name string) { names = append(names, printer.Clean(name)) }
		switch what {
		case "context":
			for name := range raw.Contexts {
				add(name)
			}
		case "cluster":
			for name := range raw.Clusters {
				add(name)
			}
		case "user":
			for name := range raw.AuthInfos {
				add(name)
			}
		}
		slices.Sort(names)
		return among(typed, names...), cobra.ShellCompDirectiveNoFileComp
	}
}

// checkNames completes the last of several names of checks with commas between.
func checkNames(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	var words []string
	for _, c := range checks.All() {
		words = append(words, before+c.Name+"\t"+c.Title())
	}
	return among(typed, words...), cobra.ShellCompDirectiveNoFileComp
}
