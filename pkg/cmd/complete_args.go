package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// workloadTypes are offered before a name is typed. Others are completed too
// once they are.
func workloadTypes() []mesh.Kind {
	return []mesh.Kind{mesh.Deployments, mesh.StatefulSets, mesh.DaemonSets, mesh.Jobs, mesh.CronJobs, mesh.Pods}
}

// workloads completes TYPE/NAME, and NAME behind a TYPE, also of the types more.
func (c completer) workloads(more ...mesh.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !strings.Contains(args[0], "/") {
			return c.typed(cmd, args[0], "", typed), cobra.ShellCompDirectiveNoFileComp
		}
		if kind, _, slash := strings.Cut(typed, "/"); slash {
			return c.typed(cmd, kind, kind+"/", typed), cobra.ShellCompDirectiveNoFileComp
		}
		var types []string
		for _, k := range append(workloadTypes(), more...) {
			if i, _ := mesh.Lookup(k); strings.HasPrefix(i.Object.Kind, typed) || strings.HasPrefix(strings.ToLower(i.Object.Kind), typed) {
				types = append(types, strings.ToLower(i.Object.Kind)+"/")
			}
		}
		return types, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// typed are the names of a type's objects behind a prefix; none where the type
// is not one that snapshots hold.
func (c completer) typed(cmd *cobra.Command, kind, prefix, typed string) []string {
	for _, i := range mesh.Kinds() {
		if !i.Fact() && strings.ToLower(i.Object.Kind) == fullType(kind) {
			return c.namesOf(cmd.Context(), i.Kind, prefix, typed)
		}
	}
	return nil
}

// firstOnly completes the first argument alone.
func firstOnly(f cobra.CompletionFunc) cobra.CompletionFunc {
	return then(f, cobra.NoFileCompletions)
}

// then completes the first argument by one function, and those behind it by
// another.
func then(f, rest cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return f(cmd, args, typed)
		}
		return rest(cmd, args, typed)
	}
}

// shares completes VERSION= of VERSION=PERCENT, for those not yet named.
func (c completer) shares(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	var left []string
	for _, word := range c.versionsOf(cmd.Context(), args[0], "", "=", typed) {
		named := false
		for _, arg := range args[1:] {
			named = named || strings.HasPrefix(arg, word)
		}
		if !named {
			left = append(left, word)
		}
	}
	return left, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// adjusted completes VERSION= of --adjust VERSION=+PERCENT.
func (c completer) adjusted(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.versionsOf(cmd.Context(), args[0], "", "=", typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// serviceOrVersion completes SERVICE, and VERSION of SERVICE/VERSION.
func (c completer) serviceOrVersion(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	service, _, slash := strings.Cut(typed, "/")
	if !slash {
		return c.names(mesh.Services)(cmd, args, typed)
	}
	return c.versionsOf(cmd.Context(), service, service+"/", "", typed), cobra.ShellCompDirectiveNoFileComp
}

// subsetVerbs completes what stands behind the service of route subset.
func (c completer) subsetVerbs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 1:
		return among(typed, "list", "add", "remove"), cobra.ShellCompDirectiveNoFileComp
	case len(args) == 2 && args[1] == "remove":
		return c.versions(cmd, args, typed)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// among keeps the words that begin as what was typed.
func among(typed string, words ...string) []string {
	var left []string
	for _, w := range words {
		if strings.HasPrefix(w, typed) {
			left = append(left, w)
		}
	}
	return left
}
