package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// routeSource is where routes are read from.
type routeSource struct {
	config *genericclioptions.ConfigFlags
	files  []string
}

func (f *routeSource) add(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "Manifests or a recording to look at instead of a cluster: a file, a folder, a .gz, or - for stdin")
}

// reader reads what decides about the services of a namespace, of all where it
// is empty.
func (f *routeSource) reader(namespace string, streams genericiooptions.IOStreams) (func(context.Context) (*mesh.Snapshot, error), error) {
	if len(f.files) > 0 {
		return func(ctx context.Context) (*mesh.Snapshot, error) {
			s, problems, err := cluster.ReadFiles(ctx, cluster.FileQuery{Paths: f.files, Stdin: streams.In, Namespace: namespace})
			for _, p := range problems {
				fmt.Fprintf(streams.ErrOut, "warning: %v\n", p)
			}
			return s, err
		}, nil
	}
	timeout, err := requestTimeout(f.config)
	if err != nil {
		return nil, err
	}
	q := cluster.Query{Getter: f.config, Timeout: timeout}
	return func(ctx context.Context) (*mesh.Snapshot, error) {
		read := func() (*mesh.Snapshot, error) { return readNeighbourhood(ctx, q, namespace) }
		if namespace == "" {
			read = func() (*mesh.Snapshot, error) { return readEverywhere(ctx, q) }
		}
		s, err := read()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return s, err
	}, nil
}

// readEverywhere reads what decides about all services, and, from the control
// planes' namespaces alone, the mesh's configuration.
func readEverywhere(ctx context.Context, q cluster.Query) (*mesh.Snapshot, error) {
	own, anywhere := route.Kinds()
	own = slices.DeleteFunc(own, func(k mesh.Kind) bool { return k == mesh.ConfigMaps })
	objects, config := q, q
	objects.Kinds = append(own, anywhere...)
	config.Kinds, config.Namespaces = []mesh.Kind{mesh.ConfigMaps, mesh.Deployments}, []string{"istio-system"}
	var all sync.WaitGroup
	var s, planes *mesh.Snapshot
	var err error
	all.Go(func() { s, err = cluster.Read(ctx, objects) })
	all.Go(func() { planes, _ = cluster.Read(ctx, config) }) // without it Istio's defaults hold
	all.Wait()
	if err != nil || planes == nil {
		return s, err
	}
	n := *s
	n.ConfigMaps, n.Deployments = planes.ConfigMaps, planes.Deployments
	return &n, nil
}

// unreadRoutes says what could not be read and may change the answer, as an error
// that ends with exit code 2. What files do not hold is only told: whoever
// chose them knows.
func unreadRoutes(errOut io.Writer, s *mesh.Snapshot, views []*route.View) error {
	var missing, absent []string
	for _, v := range views {
		for _, text := range v.Unknown {
			list := &missing
			if s.Files && strings.HasSuffix(text, notInFiles) {
				list = &absent
				text = strings.TrimSuffix(strings.TrimPrefix(text, "could not read "), ": "+notInFiles)
			}
			if !slices.Contains(*list, text) {
				*list = append(*list, text)
			}
		}
	}
	if len(absent) > 4 {
		absent = append(absent[:3], fmt.Sprintf("and %d more kinds", len(absent)-3))
	}
	if len(absent) > 0 {
		fmt.Fprintf(errOut, "note: %s: %s\n", notInFiles, strings.Join(absent, ", "))
	}
	if len(missing) == 0 {
		return nil
	}
	if len(missing) > 3 {
		missing = append(missing[:3], fmt.Sprintf("and %d more", len(missing)-3))
	}
	return fmt.Errorf("not everything is known: %s", strings.Join(missing, "; "))
}

const notInFiles = "not in the files"
