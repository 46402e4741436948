package diagnose

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// fold puts findings under the root that explains them. A finding is explained
// whole when its object is the cause's, or one that the cause covers. Otherwise
// only those of its workloads are explained that the cause affects too: the
// finding is split, and what is left stays a root.
//
// A check explains what its Explains name. A cause may itself have a cause: its
// root then is the root of both. A check that found nothing explains nothing,
// so that no chain runs through it.
func fold(findings []Finding, checks []Check) {
	explains := map[string][]string{}
	for _, c := range checks {
		explains[c.Name] = c.Explains
	}
	at := order(findings, closure(checks))
	for n, i := range at {
		f := &findings[i]
		for _, j := range at[:n] {
			cause := &findings[j]
			if f.CausedBy != "" || !slices.Contains(explains[cause.Check], f.Check) {
				continue
			}
			f.explain(cause)
		}
		f.settle()
	}
}

// explain puts what of f a cause explains under the cause's root.
func (f *Finding) explain(cause *Finding) {
	if f.whole(*cause) {
		f.CausedBy, f.parts = cause.root(), nil
		return
	}
	for _, p := range cause.shares() {
		if hit := intersect(f.left(), p.affects); len(hit) > 0 {
			f.parts = append(f.parts, part{root: p.root, affects: hit})
		}
	}
}

// settle makes a finding whole again of which one root explains every part.
func (f *Finding) settle() {
	if len(f.parts) == 0 || len(f.left()) > 0 {
		return
	}
	for _, p := range f.parts {
		if p.root != f.parts[0].root {
			return
		}
	}
	f.CausedBy, f.parts = f.parts[0].root, nil
}

// root is what a finding is explained by in the end, which may be itself.
func (f *Finding) root() string {
	switch {
	case f.CausedBy != "":
		return f.CausedBy
	case len(f.parts) > 0 && len(f.left()) == 0:
		return f.parts[0].root
	}
	return f.ID
}

// shares tells for each of a finding's workloads which root it is under.
func (f *Finding) shares() []part {
	if f.CausedBy != "" {
		return []part{{root: f.CausedBy, affects: f.Affects}}
	}
	return append(slices.Clone(f.parts), part{root: f.ID, affects: f.left()})
}

// raise makes every root as severe as the worst that it explains.
func raise(findings []Finding) {
	worst := map[string]Severity{}
	for _, f := range findings {
		if w, ok := worst[f.CausedBy]; f.CausedBy != "" && (!ok || f.Severity.Rank() < w.Rank()) {
			worst[f.CausedBy] = f.Severity
		}
	}
	for i := range findings {
		if w, ok := worst[findings[i].ID]; ok && findings[i].CausedBy == "" && w.Rank() < findings[i].Severity.Rank() {
			findings[i].Severity = w
		}
	}
}

// part is what of a finding's workloads one root explains.
type part struct {
	root    string
	affects []mesh.Ref
}

// whole reports whether a cause explains f whatever workloads it affects: it
// is about the same object, or one that the cause covers.
func (f *Finding) whole(cause Finding) bool {
	if f.Object == cause.Object || slices.Contains(cause.Covers, f.Object) {
		return true
	}
	return len(f.Affects) == 0 && slices.Contains(cause.Affects, f.Object)
}

// left is what no root has explained yet.
func (f *Finding) left() []mesh.Ref {
	left := f.Affects
	for _, p := range f.parts {
		left = without(left, p.affects)
	}
	return left
}

// mergeSplit replaces each finding of which parts are explained by those parts
// and by what is left of it.
func mergeSplit(findings []Finding) []Finding {
	var out []Finding
	for _, f := range findings {
		if f.CausedBy != "" || len(f.parts) == 0 {
			f.parts = nil
			out = append(out, f)
			continue
		}
		left := f.left()
		for _, p := range f.parts {
			folded := f
			folded.parts, folded.CausedBy, folded.Affects = nil, p.root, p.affects
			out = append(out, folded)
		}
		if len(left) > 0 {
			f.parts, f.Affects = nil, left
			out = append(out, f)
		}
	}
	return out
}

// closure tells for each check which others it explains, directly or not.
func closure(checks []Check) map[string]map[string]bool {
	direct := map[string][]string{}
	for _, c := range checks {
		direct[c.Name] = c.Explains
	}
	all := map[string]map[string]bool{}
	for name := range direct {
		seen := map[string]bool{}
		todo := slices.Clone(direct[name])
		for len(todo) > 0 {
			next := todo[0]
			todo = todo[1:]
			if !seen[next] && next != name {
				seen[next] = true
				todo = append(todo, direct[next]...)
			}
		}
		all[name] = seen
	}
	return all
}

// order lists findings so that what explains more comes first: a cause is
// folded (or not) before it is asked what it explains itself. What a check
// explains contains all that those explain, so that counting is enough.
func order(findings []Finding, explains map[string]map[string]bool) []int {
	at := make([]int, len(findings))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int {
		return len(explains[findings[b].Check]) - len(explains[findings[a].Check])
	})
	return at
}

func intersect(a, b []mesh.Ref) []mesh.Ref {
	set := refSet(b)
	var in []mesh.Ref
	for _, r := range a {
		if set[r] {
			in = append(in, r)
		}
	}
	return in
}

func without(a, b []mesh.Ref) []mesh.Ref {
	set := refSet(b)
	var out []mesh.Ref
	for _, r := range a {
		if !set[r] {
			out = append(out, r)
		}
	}
	return out
}

func refSet(refs []mesh.Ref) map[mesh.Ref]bool {
	set := make(map[mesh.Ref]bool, len(refs))
	for _, r := range refs {
		set[r] = true
	}
	return set
}
