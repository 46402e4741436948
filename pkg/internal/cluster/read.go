package cluster

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// DefaultTimeout bounds each call where neither the query nor kubectl's
// --request-timeout says otherwise.
const DefaultTimeout = 15 * time.Second

// Query says what to read of a cluster.
type Query struct {
	Getter     genericclioptions.RESTClientGetter // kubectl's configuration flags
	Config     *rest.Config                       // used where Getter is nil
	Kinds      []mesh.Kind                        // all when empty
	Namespaces []string                           // all when empty
	Anywhere   []mesh.Kind                        // of Kinds, read in all namespaces even so; where that may not be, in Namespaces
	Timeout    time.Duration                      // of each call; 0: of Getter's --request-timeout, else DefaultTimeout
	Source     string                             // what the snapshot calls itself; the context's or the server's name when empty
	Now        func() time.Time                   // time.Now when nil
	// Exact keeps the values of ConfigMaps as they are, where else what may be
	// secret is taken out of them: for what injects with them. Such a snapshot
	// must not be saved.
	Exact bool
}

// Read lists what the query asks for, all kinds at a time, in chunks, built-in
// kinds as protobuf. Beside the query's namespaces it reads those of control
// planes: what decides about injection there, and kube-apiserver's pods.
//
// What cannot be read (forbidden, timed out, an error of the server) is a gap
// of the snapshot, and the rest goes on; a custom resource that the cluster
// does not know counts as read, and empty. Where a kind may not be listed in
// all namespaces, each is tried by itself, if there are not more than
// maxNamespaces.
//
// It returns an error where there is nothing to report: a configuration that
// cannot be used, an API server that cannot be reached or that fails every
// request, and the end of ctx. Every call has a deadline, and after a number
// of them the server is given up, so that it always ends.
func Read(ctx context.Context, q Query) (*mesh.Snapshot, error) {
	c, err := connect(q)
	if err != nil {
		return nil, err
	}
	r := newReading(c, q)
	r.known = sync.OnceValues(func() ([]string, error) { return r.listNamespaces(ctx) })
	s := &mesh.Snapshot{}
	if err := r.version(ctx, s, q.Now); err != nil {
		return nil, err
	}
	var all, groups sync.WaitGroup
	if r.wants(mesh.APIGroups) || slices.ContainsFunc(r.kinds, func(i mesh.Info) bool { return !i.Typed && !i.Fact() }) {
		groups.Go(func() { r.apiGroups(ctx, s) })
	}
	if r.wants(mesh.APIServerMetrics) {
		all.Go(func() { s.Facts.Admission = r.metrics(ctx) })
	}
	for _, i := range r.kinds {
		if !i.Fact() {
			all.Go(func() {
				if !i.Typed {
					groups.Wait() // they tell the version to ask for
				}
				r.kind(ctx, i)
			})
		}
	}
	all.Go(func() { r.landmarks(ctx) })
	groups.Wait()
	all.Wait()
	r.controlPlanes(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := r.nothing(); err != nil {
		return nil, err
	}
	got := r.objects.snapshot()
	got.Time, got.Source, got.Facts = s.Time, c.source, s.Facts
	got.Read, got.Gaps = r.extents, r.gaps
	order(got)
	return got, nil
}

// reading is a Read that is under way.
type reading struct {
	*connection
	kinds      []mesh.Info
	namespaces []string    // asked for; empty: all
	anywhere   []mesh.Kind // read in all namespaces, whichever are asked for
	objects    *collection
	reducer    *reducer
	unpacker   *unpacker
	known      func() ([]string, error) // the names of all namespaces, listed once
	decoding   chan struct{}            // bounds how many chunks of JSON are unpacked at a time, which is what takes memory
	fallbacks  chan struct{}            // bounds calls for single namespaces

	mu       sync.Mutex
	extents  []mesh.Extent
	gaps     []mesh.Gap
	versions map[string][]string // served versions by group, the preferred first; nil when not known
	timeouts int                 // in a row
}

func newReading(c *connection, q Query) *reading {
	r := &reading{
		connection: c, namespaces: q.Namespaces, anywhere: q.Anywhere, objects: newCollection(), reducer: &reducer{shared: newShared(), exact: q.Exact},
		decoding: make(chan struct{}, 2), fallbacks: make(chan struct{}, 16),
	}
	r.unpacker = newUnpacker(r.reducer)
	for _, i := range mesh.Kinds() {
		if len(q.Kinds) == 0 || slices.Contains(q.Kinds, i.Kind) {
			r.kinds = append(r.kinds, i)
		}
	}
	return r
}

func (r *reading) wants(k mesh.Kind) bool {
	return slices.ContainsFunc(r.kinds, func(i mesh.Info) bool { return i.Kind == k })
}

// read notes that an extent was read whole.
func (r *reading) read(k mesh.Kind, namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.extents = append(r.extents, mesh.Extent{Kind: k, Namespace: namespace})
}

// missed notes that it was not.
func (r *reading) missed(k mesh.Kind, namespace string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.gap(k, namespace, err)
	everywhere := g
	everywhere.Namespace = ""
	if !slices.Contains(r.gaps, g) && !slices.Contains(r.gaps, everywhere) {
		r.gaps = append(r.gaps, g)
	}
}

// covered reports whether a kind in a namespace was already read.
func (r *reading) covered(k mesh.Kind, namespace string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.extents, func(e mesh.Extent) bool {
		return e.Kind == k && (e.Namespace == "" || e.Namespace == namespace)
	})
}

// asked reports whether a kind in a namespace was already read, or tried.
func (r *reading) asked(k mesh.Kind, namespace string) bool {
	if r.covered(k, namespace) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.gaps, func(g mesh.Gap) bool {
		// A kind that is forbidden everywhere may be allowed here; one that
		// failed otherwise would only fail again.
		return g.Kind == k && (g.Namespace == namespace || g.Namespace == "" && g.Verb == "")
	})
}

// order makes the report of what was read the same from run to run.
func order(s *mesh.Snapshot) {
	rank := map[mesh.Kind]int{}
	for n, i := range mesh.Kinds() {
		rank[i.Kind] = n
	}
	slices.SortFunc(s.Read, func(a, b mesh.Extent) int {
		return cmp.Or(cmp.Compare(rank[a.Kind], rank[b.Kind]), cmp.Compare(a.Namespace, b.Namespace))
	})
	s.Read = slices.Compact(s.Read)
	slices.SortFunc(s.Gaps, func(a, b mesh.Gap) int {
		return cmp.Or(cmp.Compare(rank[a.Kind], rank[b.Kind]), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Reason, b.Reason))
	})
}

// keep takes objects over.
func (r *reading) keep(k mesh.Kind, objs []runtime.Object) { r.objects.add(k, objs...) }
