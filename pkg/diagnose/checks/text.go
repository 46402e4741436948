package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// count is a number with its noun: "1 workload", "3 workloads".
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y") && !strings.HasSuffix(noun, "ay"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// hit says how many workloads are hit, and in how many namespaces:
// "3 workloads in 2 namespaces".
func hit(refs []mesh.Ref) string {
	return count(len(refs), "workload") + " in " + count(len(namespacesOf(refs)), "namespace")
}

// namespacesOf lists the namespaces of refs, each once, sorted.
func namespacesOf(refs []mesh.Ref) []string {
	var names []string
	for _, r := range refs {
		names = append(names, r.Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// list names up to three things, and how many more there are.
func list(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// restarts are the steps that replace the running pods of workloads: a rollout
// restart for what can be restarted, words for what cannot. Many namespaces
// get one sentence, since nobody pastes fifty commands.
func restarts(refs []mesh.Ref) []diagnose.Step {
	byNamespace := map[string][]mesh.Ref{}
	var rest []string
	for _, r := range refs {
		switch r.Kind {
		case "Deployment", "StatefulSet", "DaemonSet":
			byNamespace[r.Namespace] = append(byNamespace[r.Namespace], r)
		case "CronJob", "Job": // their next pods are made anew by themselves
		default:
			rest = append(rest, r.String())
		}
	}
	var steps []diagnose.Step
	names := namespacesOf(refs)
	if len(byNamespace) > 5 {
		return append(steps, diagnose.Step{
			Kind: diagnose.StepManual,
			Say:  fmt.Sprintf("restart what runs in the %s, one after the other: kubectl -n NAMESPACE rollout restart deployment,statefulset,daemonset", count(len(byNamespace), "namespace")),
		})
	}
	for _, ns := range names {
		if len(byNamespace[ns]) == 0 {
			continue
		}
		steps = append(steps, diagnose.Step{
			Run:  kubectl(ns, append([]string{"rollout", "restart"}, restarted(byNamespace[ns])...)...),
			Kind: diagnose.StepRestart,
		})
	}
	if len(rest) > 0 {
		steps = append(steps, diagnose.Step{
			Kind: diagnose.StepManual,
			Say:  "delete and create again, whoever owns them: " + list(rest),
		})
	}
	return steps
}

// restarted are the arguments of kubectl rollout restart for workloads of one
// namespace: each by name or, where they are many, their kinds, which is
// shorter and restarts all of these kinds (kubectl 1.35 takes kinds with commas
// between them, and no list of bare kinds).
func restarted(refs []mesh.Ref) []string {
	var args, kinds []string
	for _, r := range refs {
		args = append(args, r.Arg())
		kinds = append(kinds, strings.ToLower(r.Kind))
	}
	slices.Sort(args)
	slices.Sort(kinds)
	args = slices.Compact(args)
	if len(args) > 8 {
		return []string{strings.Join(slices.Compact(kinds), ",")}
	}
	return args
}
