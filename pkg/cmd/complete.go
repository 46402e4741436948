package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// completionPatience is how long the cluster may take to answer when a word is
// completed. With what the program needs to start, 300 ms is what whoever
// presses TAB waits (pkg/cmd/complete_bench_test.go measures it).
const completionPatience = 200 * time.Millisecond

// completer finds what can stand at a place of a command line. Where it cannot
// find out (no cluster, no right, not in time), it has nothing to offer and
// says nothing.
type completer struct {
	config   *genericclioptions.ConfigFlags
	patience time.Duration
	list     func(ctx context.Context, k mesh.Kind, namespace, selector string) ([]metav1.ObjectMeta, error)
	read     func(ctx context.Context, namespace string) (*mesh.Snapshot, error) // what routes the services of a namespace
}

func newCompleter(config *genericclioptions.ConfigFlags) completer {
	q := cluster.Query{Getter: config}
	own, anywhere := route.Kinds()
	return completer{
		config: config, patience: completionPatience,
		list: func(ctx context.Context, k mesh.Kind, namespace, selector string) ([]metav1.ObjectMeta, error) {
			return cluster.Metadata(ctx, q, k, namespace, selector)
		},
		read: func(ctx context.Context, namespace string) (*mesh.Snapshot, error) {
			q := q
			q.Kinds, q.Namespaces = slices.Concat(own, anywhere), []string{namespace}
			return cluster.Read(ctx, q)
		},
	}
}

// ask asks the cluster for words, and has none where the answer does not come
// in time. A plugin that fetches credentials does not know of ctx, hence the
// goroutine, which ends with the program.
func (c completer) ask(ctx context.Context, find func(context.Context) ([]string, error)) []string {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	found := make(chan []string, 1)
	go func() {
		words, err := find(ctx)
		if err != nil {
			words = nil
		}
		found <- words
	}()
	select {
	case <-ctx.Done():
		return nil
	case words := <-found:
		for i, w := range words {
			words[i] = printer.Clean(w)
		}
		slices.Sort(words)
		return slices.Compact(words)
	}
}

// namespace is that of -n, else of the context.
func (c completer) namespace() (string, error) {
	ns, _, err := c.config.ToRawKubeConfigLoader().Namespace()
	return ns, err
}

// names completes the names of the objects of a kind.
func (c completer) names(k mesh.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return c.namesOf(cmd.Context(), k, "", typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesOf are the names of a kind's objects behind a prefix, as far as typed
// begins them.
func (c completer) namesOf(ctx context.Context, k mesh.Kind, prefix, typed string) []string {
	return c.ask(ctx, func(ctx context.Context) ([]string, error) {
		ns, err := c.namespace()
		if err != nil {
			return nil, err
		}
		objs, err := c.list(ctx, k, ns, "")
		var names []string
		for _, o := range objs {
			if strings.HasPrefix(prefix+o.Name, typed) {
				names = append(names, prefix+o.Name)
			}
		}
		return names, err
	})
}

// revisions completes the revisions of control planes and their tags, as the
// labels of the injection webhooks name them.
func (c completer) revisions(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	found := c.ask(cmd.Context(), func(ctx context.Context) ([]string, error) {
		objs, err := c.list(ctx, mesh.MutatingWebhooks, "", mesh.RevisionLabel)
		var names []string
		for _, o := range objs {
			for _, name := range []string{mesh.RevisionOf(o.Labels), o.Labels[mesh.TagLabel]} {
				if name != "" && strings.HasPrefix(name, typed) {
					names = append(names, name)
				}
			}
		}
		return names, err
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

// view asks how a service is routed, and completes with what pick takes of it.
func (c completer) view(ctx context.Context, service string, pick func(*route.View) []string) []string {
	return c.ask(ctx, func(ctx context.Context) ([]string, error) {
		name, err := serviceName(service)
		if err != nil {
			return nil, err
		}
		ns, err := c.namespace()
		if err != nil {
			return nil, err
		}
		s, err := c.read(ctx, ns)
		if err != nil {
			return nil, err
		}
		v, err := route.Look(s, ns, name)
		if err != nil {
			return nil, err
		}
		return pick(v), nil
	})
}

// versionsOf are the versions of a service that rules can name.
func (c completer) versionsOf(ctx context.Context, service, prefix, suffix, typed string) []string {
	return c.view(ctx, service, func(v *route.View) []string {
		var names []string
		for _, version := range v.Versions {
			if name := prefix + version.Name + suffix; strings.HasPrefix(name, typed) {
				names = append(names, name)
			}
		}
		return names
	})
}

// versions completes the versions of the service that the arguments name.
func (c completer) versions(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.versionsOf(cmd.Context(), args[0], "", "", typed), cobra.ShellCompDirectiveNoFileComp
}

// rules completes the names of the rules of the service that the arguments
// name.
func (c completer) rules(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := c.view(cmd.Context(), args[0], func(v *route.View) []string {
		var names []string
		for _, t := range v.Tables {
			for _, r := range t.Rules {
				if r.Name != "" && strings.HasPrefix(r.Name, typed) {
					names = append(names, r.Name)
				}
			}
		}
		return names
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
