package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// ApplyError says that a write failed after others had been written, or that
// it was interrupted, and what became of those.
type ApplyError struct {
	Failed  mesh.Change // the change that was not written
	Err     error       // why; the context's error where it was interrupted
	Written int         // how many changes had been written
	Undone  []mesh.Ref  // that are as before again
	Left    []Left      // that could not be put back
}

// Left is a change that stays though the rest was undone.
type Left struct {
	Change mesh.Change
	Why    string
}

// Error says it in one line.
func (e *ApplyError) Error() string { return e.Err.Error() + "; " + e.Outcome() }

// Outcome says what became of what had been written.
func (e *ApplyError) Outcome() string {
	if e.Written == 0 {
		return "nothing was written"
	}
	if len(e.Left) == 0 {
		return fmt.Sprintf("what had been written (%s) was undone", count(e.Written))
	}
	var left []string
	for _, l := range e.Left {
		left = append(left, l.Change.Ref.String()+" ("+l.Why+")")
	}
	return fmt.Sprintf("of %s that had been written %d could be undone, and these stay: %s", count(e.Written), len(e.Undone), strings.Join(left, ", "))
}

// Unwrap returns why it failed.
func (e *ApplyError) Unwrap() error { return e.Err }

func count(changes int) string {
	if changes == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", changes)
}

// Commit writes the changes in order. When one fails, or ctx ends between two,
// those written before are undone, the last first, where nobody changed since
// what they had set; the error is an ApplyError then. A write that was sent is
// waited for, whatever becomes of ctx.
func (p *Prepared) Commit(ctx context.Context) error { return p.CommitBetween(ctx, Between{}) }

// Between are called between two writes of a Commit; nil for nothing to do.
type Between struct {
	// Write is called before the change at this place, but for the first. Its
	// error ends the commit as that of a write does.
	Write func(ctx context.Context, next int) error
	// Undone is called after the change at this place was undone and before an
	// earlier one is. ctx does not end with the commit's.
	Undone func(ctx context.Context, change int)
}

// CommitBetween is Commit with something to do between the writes.
func (p *Prepared) CommitBetween(ctx context.Context, b Between) error {
	for i, s := range p.steps {
		err := ctx.Err()
		if err == nil && i > 0 && b.Write != nil {
			err = b.Write(ctx, i)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = p.writer.write(context.WithoutCancel(ctx), s)
		}
		if err != nil {
			return p.undo(context.WithoutCancel(ctx), i, err, b.Undone)
		}
	}
	return nil
}

// undo takes back what was written before the step at failed, and what that may
// have written itself.
func (p *Prepared) undo(ctx context.Context, failed int, err error, undone func(context.Context, int)) error {
	e := &ApplyError{Failed: p.steps[failed].Change, Err: err}
	for i, s := range slices.Backward(p.steps[:failed+1]) {
		if !s.written {
			continue
		}
		changed, why := p.writer.restore(ctx, s)
		switch {
		case why != "":
			e.Left = append(e.Left, Left{Change: s.Change, Why: why})
		case changed:
			e.Undone = append(e.Undone, s.Ref)
			if undone != nil && i > 0 {
				undone(ctx, i)
			}
		default: // nothing was different
			continue
		}
		e.Written++
	}
	return e
}

// restore makes an object what it was before a step. It reports whether there
// was anything to undo, and why it could not be.
func (w *writer) restore(ctx context.Context, s *step) (changed bool, why string) {
	if s.After == nil && s.Write != mesh.Delete {
		s.After = s.predicted()
	}
	var err error
	for range tries {
		call, cancel := context.WithTimeout(ctx, w.timeout)
		live, readErr := s.client.Get(call, s.Ref.Name, metav1.GetOptions{})
		cancel()
		if readErr != nil && !apierrors.IsNotFound(readErr) {
			return true, "it could not be read: " + w.words(readErr)
		}
		if apierrors.IsNotFound(readErr) {
			live = nil
		}
		if done, left := w.settled(s, live); done {
			return left != "", left
		}
		if err = w.putBack(ctx, s, live); err == nil {
			return true, ""
		}
		if !apierrors.IsConflict(err) {
			break
		}
	}
	return true, w.words(err)
}

// settled reports whether nothing can or need be done about an object any more.
func (w *writer) settled(s *step, live *unstructured.Unstructured) (done bool, left string) {
	switch {
	case s.Before == nil:
		if live == nil {
			return true, ""
		}
		if s.After.GetUID() != "" && live.GetUID() != s.After.GetUID() {
			return true, "somebody created it anew since"
		}
		if w.shared(s.After) {
			return true, "somebody else wrote it too"
		}
		if !sameAt(content(s.After), s.After.Object, live.Object) {
			return true, "somebody changed it since"
		}
	case s.Write == mesh.Delete:
		if live != nil && live.GetUID() == s.Before.GetUID() && live.GetDeletionTimestamp() == nil {
			return true, ""
		}
		if live != nil && live.GetDeletionTimestamp() != nil {
			return true, "it is being deleted"
		}
		if live != nil {
			return true, "somebody created it anew since"
		}
	case live == nil:
		return true, "somebody deleted it since"
	default:
		back := difference(s.After, s.Before)
		if sameAt(back, s.Before.Object, live.Object) {
			return true, ""
		}
		if !sameAt(back, s.After.Object, live.Object) {
			return true, "somebody changed it since"
		}
	}
	return false, ""
}

// putBack makes the one call that undoes a step.
func (w *writer) putBack(ctx context.Context, s *step, live *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	switch {
	case s.Before == nil:
		return s.client.Delete(ctx, s.Ref.Name, deletion(live, nil))
	case s.Write == mesh.Delete:
		again := s.Before.DeepCopy()
		again.SetResourceVersion("")
		again.SetUID("")
		again.SetManagedFields(nil)
		_, err := s.client.Create(ctx, again, metav1.CreateOptions{FieldManager: w.options.Manager})
		return err
	}
	return w.patchBack(ctx, s, live.GetResourceVersion())
}

// shared reports whether others than us had written an object when we wrote it:
// it came into being after we looked.
func (w *writer) shared(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return e.Manager != w.options.Manager })
}
