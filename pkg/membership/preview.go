package membership

import (
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// expected are checks that report what a plan says itself: that running pods
// have to be replaced.
func expected() []string {
	return []string{"pod-older-than-injection", "revision-changed", "injection-decided"}
}

// Preview fills in what would go wrong that does not now: findings of severity
// error and warning about the namespace or its workloads, of checks run on the
// cluster as it is and as it would be. injector makes what checks ask istiod
// of. Commands of fixes carry the flags of connect.
func (p *Plan) Preview(checks []diagnose.Check, injector func(*mesh.Snapshot) diagnose.Injector, connect string) {
	checks = slices.DeleteFunc(slices.Clone(checks), func(c diagnose.Check) bool { return slices.Contains(expected(), c.Name) })
	run := func(s *mesh.Snapshot) *diagnose.Report {
		return diagnose.Run(s, checks, diagnose.Options{
			Scope: diagnose.Scope{Namespaces: []string{p.Namespace.Name}}, Injector: injector(s), Connect: connect,
		})
	}
	p.Findings = introduced(run(p.before), run(p.after), p.Namespace.Name)
}

// introduced are the roots of a report, notes aside, that hit a workload which
// the same check did not hit before, or are about an object of which it had
// nothing to say. Their fixes leave out to restart what is in the namespace: that
// is part of the plan.
func introduced(before, after *diagnose.Report, namespace string) []diagnose.Finding {
	type hit struct {
		check string
		ref   mesh.Ref
	}
	known := map[hit]bool{}
	for _, f := range before.Findings {
		if f.Severity == diagnose.Info {
			continue
		}
		known[hit{f.Check, f.Object}] = true
		for _, r := range f.Affects {
			known[hit{f.Check, r}] = true
		}
	}
	var found []diagnose.Finding
	for _, f := range after.Roots() {
		if f.Severity == diagnose.Info {
			continue
		}
		isNew := len(f.Affects) == 0 && !known[hit{f.Check, f.Object}]
		for _, r := range f.Affects {
			isNew = isNew || !known[hit{f.Check, r}]
		}
		if isNew {
			f.Fix = slices.DeleteFunc(slices.Clone(f.Fix), func(s diagnose.Step) bool {
				return s.Kind == diagnose.StepRestart && strings.Contains(s.Run, " -n "+namespace+" ")
			})
			found = append(found, f)
		}
	}
	return found
}
