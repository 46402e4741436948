package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// DefaultManager is the field manager of what is written where the caller
// names none.
const DefaultManager = "mesh-inject"

// DryRun says how much of a write is done.
type DryRun string

// The ways of kubectl's --dry-run.
const (
	DryRunNone   DryRun = "none"
	DryRunClient DryRun = "client" // reads what would be changed and who keeps it, and asks for nothing else
	DryRunServer DryRun = "server" // also has the API server admit and validate every change
)

// ApplyOptions are the choices of a write. The zero value writes as
// DefaultManager, takes nothing over from others, and refuses objects that
// somebody keeps.
type ApplyOptions struct {
	Manager    string       // field manager; must not begin with "kubectl"
	DryRun     DryRun       // DryRunNone when empty
	Force      bool         // server-side apply takes fields over from other managers
	ForceOwner bool         // write what Argo CD, Flux and the like keep
	Warn       func(string) // gets the API server's warnings, each once; nil: they are dropped
}

// Apply prepares changes and writes them. With a dry run it ends after
// preparing. It returns the changes with what was there before and after.
func Apply(ctx context.Context, q Query, changes []mesh.Change, o ApplyOptions) ([]mesh.Change, error) {
	p, err := Prepare(ctx, q, changes, o)
	if err != nil || o.DryRun == DryRunClient || o.DryRun == DryRunServer {
		return p.Changes(), err
	}
	err = p.Commit(ctx)
	return p.Changes(), err
}

// Prepared are changes that have been checked and can be written.
type Prepared struct {
	Owners []Owned // who keeps what would be changed, and lets it be

	writer *writer
	steps  []*step
}

// Owned is a change of an object that somebody keeps.
type Owned struct {
	Change mesh.Change
	Owner  mesh.Owner
}

// step is a change on its way.
type step struct {
	mesh.Change
	client  dynamic.ResourceInterface
	written bool // for all that is known
}

// Prepare checks changes without writing any: it reads each object, asks who
// keeps it, and has the API server do a dry run of every change (but with
// DryRunClient). Calls have deadlines and go out several at a time.
//
// It returns an OwnedError where objects are kept by somebody who would undo
// the change, and else the first error in the order of the changes, in one line
// that names object, verb and right. Nothing has been written then.
func Prepare(ctx context.Context, q Query, changes []mesh.Change, o ApplyOptions) (*Prepared, error) {
	w, err := newWriter(q, o)
	if err != nil {
		return nil, err
	}
	p := &Prepared{writer: w}
	for _, c := range changes {
		client, err := w.client(c)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, &step{Change: c, client: client})
	}
	if err := p.all(func(s *step) error { return w.read(ctx, s) }); err != nil {
		return nil, err
	}
	if err := p.owners(o.ForceOwner); err != nil {
		return nil, err
	}
	if o.DryRun == DryRunClient {
		return p, nil
	}
	return p, p.all(func(s *step) error {
		err := w.dryRun(ctx, s)
		if err != nil && p.brings(s, err) {
			return nil
		}
		return err
	})
}

// Changes are the changes with what is there before and, once the API server
// has seen them, after.
func (p *Prepared) Changes() []mesh.Change {
	if p == nil {
		return nil
	}
	changes := make([]mesh.Change, len(p.steps))
	for i, s := range p.steps {
		changes[i] = s.Change
	}
	return changes
}

// parallel is how many calls of Prepare are under way at a time.
const parallel = 8

// all calls f for every step and returns the error of the first that has one.
func (p *Prepared) all(f func(*step) error) error {
	errs := make([]error, len(p.steps))
	free := make(chan struct{}, parallel)
	var all sync.WaitGroup
	for i, s := range p.steps {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			errs[i] = f(s)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// owners sorts out who keeps the objects.
func (p *Prepared) owners(force bool) error {
	var refused []Owned
	for _, s := range p.steps {
		if s.Before == nil {
			continue
		}
		owner := mesh.OwnerOf(s.Before)
		switch {
		case owner == nil:
		case owner.Refuses && !force:
			refused = append(refused, Owned{Change: s.Change, Owner: *owner})
		default:
			p.Owners = append(p.Owners, Owned{Change: s.Change, Owner: *owner})
		}
	}
	if refused != nil {
		return &OwnedError{Owned: refused}
	}
	return nil
}

// OwnedError refuses changes of objects that somebody keeps and would put back.
type OwnedError struct{ Owned []Owned }

// Error names the first object, its owner, and what to do instead.
func (e *OwnedError) Error() string {
	first := e.Owned[0]
	text := fmt.Sprintf("%s is kept by %s, which would undo the change (%s): %s",
		first.Change.Ref, first.Owner.String(), first.Owner.Marks[0], first.Owner.Instead)
	if more := len(e.Owned) - 1; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// writer is how changes reach the API server.
type writer struct {
	*connection
	dynamic dynamic.Interface
	query   Query
	options ApplyOptions
}

func newWriter(q Query, o ApplyOptions) (*writer, error) {
	if o.Manager == "" {
		o.Manager = DefaultManager
	}
	// Flux takes fields of managers with such names off objects
	// (github.com/fluxcd/pkg, ssa/manager_apply.go: cleanupMetadata).
	if strings.HasPrefix(o.Manager, "kubectl") {
		return nil, fmt.Errorf("field manager %q: a name that begins with kubectl is taken off objects by Flux, use another", o.Manager)
	}
	cfg, err := restConfig(q)
	if err != nil {
		return nil, err
	}
	w := &writer{connection: &connection{host: cfg.Host, timeout: deadline(q, cfg)}, query: q, options: o}
	cfg.Timeout = 0 // deadlines come from contexts
	cfg.QPS, cfg.Burst = -1, 0
	cfg.WarningHandler, cfg.WarningHandlerWithContext = &onceWarned{say: o.Warn, said: map[string]bool{}}, nil
	if w.http, err = rest.HTTPClientFor(cfg); err != nil {
		return nil, err
	}
	w.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(cfg), w.http)
	return w, err
}

// client is where a change goes.
func (w *writer) client(c mesh.Change) (dynamic.ResourceInterface, error) {
	gvr, ok := c.Where()
	if !ok {
		if w.query.Getter == nil {
			return nil, fmt.Errorf("%s: no API is known for %s", c.Ref, c.Ref.APIVersion)
		}
		mapper, err := w.query.Getter.ToRESTMapper()
		if err != nil {
			return nil, err
		}
		gvk := gvkOf(c.Ref)
		mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return nil, fmt.Errorf("%s: the cluster does not know this kind: %w", c.Ref, err)
		}
		gvr = mapping.Resource
	}
	if c.Ref.Namespace == "" {
		return w.dynamic.Resource(gvr), nil
	}
	return w.dynamic.Resource(gvr).Namespace(c.Ref.Namespace), nil
}

// onceWarned passes on warnings of the API server, each once.
type onceWarned struct {
	say func(string)

	mu   sync.Mutex
	said map[string]bool
}

// HandleWarningHeader is called by client-go for every warning of an answer.
func (o *onceWarned) HandleWarningHeader(code int, _ string, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.say == nil || code != 299 || text == "" || o.said[text] {
		return
	}
	o.said[text] = true
	o.say(text)
}

// brings reports whether a dry run failed because an earlier change has to be
// written first: the namespace it is in does not exist yet.
func (p *Prepared) brings(s *step, err error) bool {
	var missing *writeError
	if !errors.As(err, &missing) || !missing.namespaceMissing(s.Ref.Namespace) {
		return false
	}
	for _, earlier := range p.steps {
		if earlier == s {
			return false
		}
		if earlier.Ref == mesh.RefTo(mesh.Namespaces, "", s.Ref.Namespace) && earlier.Write != mesh.Delete {
			return true
		}
	}
	return false
}

// dryRunOption is how the API server is told.
func dryRunOption(dry bool) []string {
	if dry {
		return []string{metav1.DryRunAll}
	}
	return nil
}
