package route

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Return is a way from one state of objects to another that was before.
type Return struct {
	Targets []Target
	Undoes  []int // the revisions that are taken back; for Finish the one that is completed
}

// Target is an object on that way.
type Target struct {
	Ref  mesh.Ref
	Want map[string]any // what it is to be; nil: not there
	Ours map[string]any // what the history last made of it; nil: deleted
	Or   map[string]any // another state that is ours, where a change was interrupted
	Half bool           // Or counts
}

// Undo finds the way back to before the last change that still stands, where to
// is negative, or to after that revision.
func (h History) Undo(to int) (*Return, error) {
	if to >= 0 {
		return h.undoTo(to)
	}
	for _, e := range slices.Backward(h) {
		if (e.State == Done || e.State == Pending) && len(e.Undoes) == 0 {
			return back([]Entry{e}), nil
		}
		if e.State == Pending {
			return nil, fmt.Errorf("revision %d (%s) was interrupted: finish it with --finish first", e.Revision, e.Command())
		}
	}
	return nil, fmt.Errorf("there is nothing to undo")
}

func (h History) undoTo(to int) (*Return, error) {
	if len(h) == 0 {
		return nil, fmt.Errorf("there is no history, so no revision %d", to)
	}
	first, last := h[0].Revision, h[len(h)-1].Revision
	if to >= last || to < first-1 {
		return nil, fmt.Errorf("--to-revision %d: use %d to %d", to, first-1, last-1)
	}
	var undone []Entry
	for _, e := range h {
		if e.Revision > to && e.State != RolledBack {
			undone = append(undone, e)
		}
	}
	if len(undone) == 0 {
		return nil, fmt.Errorf("nothing was changed since revision %d", to)
	}
	return back(undone), nil
}

// back goes from after the last entry to before the first.
func back(entries []Entry) *Return {
	r := &Return{}
	for _, e := range slices.Backward(entries) {
		r.Undoes = append(r.Undoes, e.Revision)
		for _, o := range slices.Backward(e.Objects) {
			at := slices.IndexFunc(r.Targets, func(t Target) bool { return t.Ref == o.Ref })
			if at < 0 {
				t := Target{Ref: o.Ref, Ours: o.After}
				if e.State == Pending {
					t.Or, t.Half = o.Before, true
				}
				r.Targets = append(r.Targets, t)
				at = len(r.Targets) - 1
			}
			r.Targets[at].Want = o.Before
		}
	}
	return r
}

// Finish finds the way on for a change that was interrupted.
func (h History) Finish() (*Return, error) {
	e := h.Unfinished()
	if e == nil {
		return nil, fmt.Errorf("no change was interrupted: there is nothing to finish")
	}
	r := &Return{Undoes: []int{e.Revision}}
	for _, o := range e.Objects {
		r.Targets = append(r.Targets, Target{Ref: o.Ref, Want: o.After, Ours: o.Before, Or: o.After, Half: true})
	}
	return r, nil
}

// Settle notes that revisions were taken back. What an undo had taken back stands
// again once the undo itself is undone.
func (h History) Settle(revisions []int) {
	for _, revision := range revisions {
		e := h.Find(revision)
		if e == nil {
			continue
		}
		e.State = Undone
		for _, r := range e.Undoes {
			if old := h.Find(r); old != nil && !slices.Contains(revisions, r) {
				old.State = Done
			}
		}
	}
}

// Differs is an object that somebody else changed since.
type Differs struct {
	Ref                mesh.Ref
	Want, Ours, Theirs map[string]any // what it is to be, what we made of it, what it is
}

// Plan plans the writes that lead there, for the objects as they are now, in the
// order of Targets, with make before break. s is what is around them. An object
// that is neither as we wrote it nor as it is to be is listed in differs; its
// step goes over it.
func (r *Return) Plan(s *mesh.Snapshot, namespace, service string, now []*unstructured.Unstructured) (p *Plan, differs []Differs, err error) {
	p = &Plan{API: r.api()}
	var drafts []*draft
	for i, t := range r.Targets {
		is := Recorded(now[i])
		if sameContent(is, t.Want) {
			continue
		}
		if !sameContent(is, t.Ours) && !(t.Half && sameContent(is, t.Or)) {
			differs = append(differs, Differs{Ref: t.Ref, Want: t.Want, Ours: t.Ours, Theirs: is})
		}
		step := Step{Change: t.change(now[i], is)}
		if step.Phase, err = phaseOf(t.Ref, is, t.Want); err != nil {
			return nil, nil, err
		}
		step.Before = now[i]
		var before map[string]any
		if now[i] != nil {
			before = now[i].Object
		}
		if after := step.Outcome(before); after != nil {
			step.After = &unstructured.Unstructured{Object: after}
		}
		p.Steps = append(p.Steps, step)
		if kind, ok := mesh.ForObject(refKind(t.Ref)); ok && (!kind.Typed || kind.Kind == mesh.Services) {
			drafts = append(drafts, &draft{kind: kind.Kind, ref: t.Ref, before: step.Before, after: step.After})
		}
	}
	order := []Phase{Make, Move, Clean}
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return slices.Index(order, a.Phase) - slices.Index(order, b.Phase) })
	if p.Before, err = lookAs(s, namespace, service, p.API); err != nil {
		// A service that is gone is no reason to leave its rules, but nothing can be expected of proxies.
		return p, differs, nil
	}
	if p.After, err = lookAs(withDrafts(s, drafts), namespace, service, p.API); err != nil {
		return nil, nil, err
	}
	planner := &planner{snapshot: s, view: p.Before, api: p.API}
	planner.expect(p)
	planner.safety(p, drafts)
	return p, differs, nil
}

// api is the family of the objects.
func (r *Return) api() API {
	for _, t := range r.Targets {
		if strings.HasPrefix(t.Ref.APIVersion, gatewayGroup) {
			return Gateway
		}
	}
	return Istio
}

func refKind(r mesh.Ref) schema.GroupKind {
	return schema.FromAPIVersionAndKind(r.APIVersion, r.Kind).GroupKind()
}

// change is the write that makes of an object what it is to be.
func (t Target) change(now *unstructured.Unstructured, is map[string]any) mesh.Change {
	c := mesh.Change{Ref: t.Ref, Why: "as it was before"}
	switch {
	case t.Want == nil:
		c.Write, c.Why = mesh.Delete, "it was not there before"
	case now == nil:
		c.Write, c.Why = mesh.Create, "it was there before"
		c.Object = &unstructured.Unstructured{Object: runtime.DeepCopyJSON(t.Want)}
	default:
		c.Write, c.Fields = mesh.Patch, mesh.MergePatch(contentOf(is), contentOf(t.Want))
		// Of labels and annotations only what we wrote goes back: others write there too.
		meta := map[string]any{}
		ours, _ := t.Ours["metadata"].(map[string]any)
		want, _ := t.Want["metadata"].(map[string]any)
		if t.Ours != nil {
			meta = mesh.MergePatch(ours, want)
		}
		meta["resourceVersion"] = now.GetResourceVersion()
		c.Fields["metadata"] = meta
	}
	return c
}

// phaseOf is when a step may be taken: by whether it adds something that rules
// refer to, or takes it away.
func phaseOf(ref mesh.Ref, is, want map[string]any) (Phase, error) {
	switch ref.Kind {
	case "DestinationRule", "Service", "Gateway":
	default:
		return Move, nil
	}
	switch {
	case want == nil:
		return Clean, nil
	case is == nil:
		return Make, nil
	}
	had, has := subsetNames(is), subsetNames(want)
	added := slices.ContainsFunc(has, func(n string) bool { return !slices.Contains(had, n) })
	removed := slices.ContainsFunc(had, func(n string) bool { return !slices.Contains(has, n) })
	switch {
	case added && removed:
		return "", fmt.Errorf("%s would get some versions and lose others, which is not safe in one write: undo one revision at a time", ref)
	case removed:
		return Clean, nil
	}
	return Make, nil
}

func subsetNames(o map[string]any) []string {
	list, _, _ := unstructured.NestedSlice(o, "spec", "subsets")
	var names []string
	for _, e := range list {
		if s, ok := e.(map[string]any); ok {
			if name, ok := s["name"].(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// sameContent compares what objects say, beside their metadata.
func sameContent(a, b map[string]any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.DeepEqual(contentOf(a), contentOf(b))
}

func contentOf(o map[string]any) map[string]any {
	c := maps.Clone(o)
	for _, key := range []string{"apiVersion", "kind", "metadata", "status"} {
		delete(c, key)
	}
	return c
}
