package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

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
