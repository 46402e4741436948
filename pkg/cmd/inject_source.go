package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	core "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The sources of injection settings.
const (
	fromCluster = "cluster"
	fromWebhook = "webhook"
	fromFiles   = "files"
	fromBuiltin = "builtin"
)

// sourceFlags say whose settings inject.
type sourceFlags struct {
	from         string
	revision     string
	injectConfig string
	meshConfig   string
	values       string
	set          []string

	named bool // --from was given
}

func (f *sourceFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.from, "from", fromCluster, "Where the settings come from: cluster, webhook, files, builtin")
	flags.StringVar(&f.revision, "revision", "", "Revision or tag to inject with, instead of the one that the labels lead to")
	flags.StringVar(&f.injectConfig, "inject-config-file", "", "With --from files: the injector's configuration")
	flags.StringVar(&f.meshConfig, "mesh-config-file", "", "With --from files: the mesh configuration")
	flags.StringVar(&f.values, "values-file", "", "With --from files: the values of the installation")
	flags.StringArrayVar(&f.set, "set", nil, "With --from builtin: a value of the installation, as istioctl install takes it")
}

// source is who injects.
type source struct {
	// engine returns what injects a pod, and why the cluster itself would not
	// have it injected; empty where it would, or where no cluster is asked.
	engine func(pod *core.Pod) (e *inject.Engine, aside string, err error)
	// snapshot is what is known of the cluster, or stands for one.
	snapshot *mesh.Snapshot
}

// validate finds flags that do not go together, with the source that --compare
// names or none, and takes the three files for --from files, as istioctl does.
func (f *sourceFlags) validate(compare string) error {
	if err := known("--from", f.from); err != nil {
		return err
	}
	if err := known("--compare", compare); err != nil && compare != "" {
		return err
	}
	files := f.injectConfig != "" || f.meshConfig != "" || f.values != ""
	if files && !f.named && compare != fromFiles {
		f.from = fromFiles
	}
	uses := func(source string) bool { return f.from == source || compare == source }
	switch {
	case f.from == compare:
		return fmt.Errorf("--compare %s: it is what --from says too; name another", compare)
	case files && !uses(fromFiles):
		return errors.New("--inject-config-file, --mesh-config-file and --values-file are for --from files")
	case uses(fromFiles) && (f.injectConfig == "" || f.meshConfig == "" || f.values == ""):
		return errors.New("--from files needs --inject-config-file, --mesh-config-file and --values-file")
	case len(f.set) > 0 && !uses(fromBuiltin):
		return errors.New("--set is for --from builtin: a cluster has its own values")
	}
	return nil
}

func known(flag, source string) error {
	switch source {
	case fromCluster, fromWebhook, fromFiles, fromBuiltin:
		return nil
	}
	return fmt.Errorf("%s %s: use cluster, webhook, files or builtin", flag, source)
}

// sourceError says what is wrong with a source, whichever the document was for
// which it was asked.
type sourceError struct{ err error }

// Error is the cause's text.
func (e *sourceError) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *sourceError) Unwrap() error { return e.err }

// clusterReader reads a cluster when it is first asked to.
type clusterReader struct {
	query cluster.Query
	read  func() (*mesh.Snapshot, error)
}

// reader is of the cluster that decides about texts.
func (f *sourceFlags) reader(ctx context.Context, config *genericclioptions.ConfigFlags, texts []input, namespace string) (clusterReader, error) {
	timeout, err := requestTimeout(config)
	if err != nil {
		return clusterReader{}, err
	}
	q := cluster.Query{Getter: config, Kinds: injectKinds(), Namespaces: namespacesIn(texts, namespace), Timeout: timeout, Exact: true}
	return clusterReader{q, sync.OnceValues(func() (*mesh.Snapshot, error) { return cluster.Read(ctx, q) })}, nil
}

// open makes a source ready. Its error says what to do instead.
func (f *sourceFlags) open(ctx context.Context, from string, r clusterReader) (*source, error) {
	switch from {
	case fromFiles:
		return f.openFiles()
	case fromBuiltin:
		s, err := inject.Builtin(inject.BuiltinOptions{Set: f.set, Revision: f.revision})
		if err != nil {
			return nil, err
		}
		return fixed(s)
	}
	return f.openCluster(ctx, from == fromWebhook, r)
}

// fixed is a source of one control plane that no cluster has.
func fixed(s inject.Settings) (*source, error) {
	e, err := inject.New(s)
	if err != nil {
		return nil, err
	}
	return &source{
		engine:   func(*core.Pod) (*inject.Engine, string, error) { return e, "", nil },
		snapshot: s.Snapshot(),
	}, nil
}

func (f *sourceFlags) openFiles() (*source, error) {
	var texts [3][]byte
	for i, name := range []string{f.injectConfig, f.meshConfig, f.values} {
		text, err := cluster.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	s, err := inject.FromFiles(inject.Files{Config: texts[0], Mesh: texts[1], Values: texts[2], Revision: f.revision})
	if err != nil {
		return nil, err
	}
	return fixed(s)
}

// injectKinds are what decides how a pod is injected.
func injectKinds() []mesh.Kind {
	return []mesh.Kind{
		mesh.MutatingWebhooks, mesh.Namespaces, mesh.ConfigMaps, mesh.Services, mesh.Deployments, mesh.Nodes,
		mesh.ProxyConfigs, mesh.ServerVersion, mesh.LimitRanges, mesh.ResourceQuotas,
	}
}

func (f *sourceFlags) openCluster(ctx context.Context, ask bool, r clusterReader) (*source, error) {
	s, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("%w; --from builtin needs no cluster", err)
	}
	planes := mesh.ControlPlanes(s)
	if len(planes) == 0 {
		why := inject.ErrNoInjector.Error()
		if gaps := s.Missing(mesh.MutatingWebhooks); len(gaps) > 0 {
			why = "no injector is known: " + gaps[0].String()
		}
		return nil, fmt.Errorf("%s; --from builtin needs none", why)
	}
	if f.revision != "" {
		if _, err := inject.Named(planes, f.revision); err != nil {
			return nil, err
		}
	}
	decider := admission.New(s)
	engine := once(func(cp *mesh.ControlPlane) (*inject.Engine, error) {
		settings, err := inject.For(s, cp)
		if ask {
			return inject.Remote(settings, func(review []byte) ([]byte, error) {
				answer, err := cluster.PostReview(ctx, r.query, cp, review)
				if err != nil {
					return nil, &sourceError{err}
				}
				return answer, nil
			}), nil
		}
		if err != nil {
			return nil, &sourceError{fmt.Errorf("%w%s; --from builtin needs no cluster", err, unread(s, cp))}
		}
		e, err := inject.New(settings)
		if err != nil {
			return nil, &sourceError{fmt.Errorf("the configuration of revision %s cannot be used by istiod either: %w", cp.Revision, err)}
		}
		return e, nil
	})
	return &source{
		snapshot: s,
		engine: func(pod *core.Pod) (*inject.Engine, string, error) {
			c, err := inject.Choose(s, decider, f.revision, pod.Namespace, pod)
			if err != nil {
				return nil, "", err
			}
			e, err := engine(c.Plane)
			return e, c.Aside, err
		},
	}, nil
}

// unread is why the ConfigMaps of a control plane were not read, after a colon:
// a right that is missing, or that one of them is not there.
func unread(s *mesh.Snapshot, cp *mesh.ControlPlane) string {
	for _, g := range s.Missing(mesh.ConfigMaps) {
		if g.Namespace == cp.Namespace || g.Namespace == "" {
			return ": " + g.String()
		}
	}
	name := "istio-sidecar-injector"
	if cp.Injector != nil {
		name = "istio"
	}
	if cp.Revision != "default" {
		name += "-" + cp.Revision
	}
	return fmt.Sprintf(": namespace %s has no ConfigMap %s", cp.Namespace, name)
}

// namespaceLine finds what may be the namespace of an object; one too many
// does no harm.
var namespaceLine = regexp.MustCompile(`(?m)"?namespace"?\s*:\s*["']?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)`) // never written to

func namespacesIn(texts []input, namespace string) []string {
	names := []string{cmp.Or(namespace, "default")}
	for _, t := range texts {
		for _, m := range namespaceLine.FindAllSubmatch(t.text, -1) {
			names = append(names, strings.Clone(string(m[1])))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
