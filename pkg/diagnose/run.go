package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// docsURL is the folder of the checks' pages.
const docsURL = "https://github.com/kubectl-mesh/kubectl-mesh/blob/main/docs/checks/"

// PageURL is where a check's page is.
func PageURL(check string) string { return docsURL + check + ".md" }

// Options are the choices of a run.
type Options struct {
	Scope    Scope
	Injector Injector // nil: what istiod would make of a pod is not tried
	// Connect is put after kubectl and istioctl in the commands of fixes: the
	// flags by which the user reached this cluster ("--context kind-demo").
	Connect string
}

// Run runs checks on a snapshot, all at a time, and returns the report. It does
// no I/O. The same snapshot, checks and options give the same report.
func Run(s *mesh.Snapshot, checks []Check, o Options) *Report {
	sh := newShared(s, o.Injector)
	workloads := scoped(mesh.Workloads(s), o.Scope)
	r := &Report{Time: s.Time, Source: s.Source, Gaps: s.Gaps}
	r.Results = make([]Result, len(checks))
	found := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { found[i], r.Results[i] = runOne(c, s, sh, workloads, o.Scope) })
	}
	all.Wait()
	r.Findings = slices.Concat(found...)
	fold(r.Findings, checks)
	r.Findings = mergeSplit(r.Findings)
	raise(r.Findings)
	sortFindings(r.Findings, checks)
	for i := range r.Findings {
		connect(r.Findings[i].Fix, o.Connect)
	}
	r.Mesh = summarize(s, sh, workloads)
	return r
}

func scoped(all []*mesh.Workload, scope Scope) []*mesh.Workload {
	var in []*mesh.Workload
	for _, w := range all {
		if scope.Has(w.Ref.Namespace) && (scope.Workloads == nil || scope.Workloads(w)) {
			in = append(in, w)
		}
	}
	return in
}

func runOne(c Check, s *mesh.Snapshot, sh *shared, workloads []*mesh.Workload, scope Scope) ([]Finding, Result) {
	result := Result{Check: c.Name, Area: c.Area, Title: c.Title(), Severity: c.Severity, Status: OK}
	missing := missing(c, s, scope)
	for _, m := range missing {
		if m.Namespace == "" { // nothing of it is there to look at
			result.Status, result.Reason, result.Missing = Unknown, reason(missing), missing
			return nil, result
		}
	}
	kinds := append(slices.Clone(c.Needs), c.Wants...)
	pass := &Pass{
		Snapshot:      s.Only(kinds...),
		Scope:         scope,
		Workloads:     workloads,
		ControlPlanes: sh.planes,
		kinds:         kinds,
		shared:        sh,
	}
	found := c.Run(pass)
	for i := range found {
		complete(&found[i], c)
	}
	switch {
	case len(found) > 0:
		result.Status = Found
	case len(missing) > 0:
		result.Status, result.Reason, result.Missing = Unknown, reason(missing), missing
	case pass.unsure != "":
		result.Status, result.Reason = Unknown, pass.unsure
	}
	return found, result
}

// missing lists what a check needs and was not read where it was asked about.
func missing(c Check, s *mesh.Snapshot, scope Scope) []mesh.Gap {
	var gaps []mesh.Gap
	for _, k := range c.Needs {
		if !covered(s, k, scope) {
			gaps = append(gaps, s.Missing(k)...)
		}
	}
	return gaps
}

// covered reports whether a kind was read in every namespace asked about,
// whatever it is elsewhere.
func covered(s *mesh.Snapshot, k mesh.Kind, scope Scope) bool {
	for _, ns := range scope.Namespaces {
		if !s.Complete(k, ns) {
			return false
		}
	}
	return len(scope.Namespaces) > 0
}

// reason says what is missing in one line, the first gaps by name.
func reason(gaps []mesh.Gap) string {
	var parts []string
	for _, g := range gaps {
		if text := g.String(); !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	if len(parts) > 2 {
		parts = append(parts[:2], fmt.Sprintf("and %d more", len(parts)-2))
	}
	return strings.Join(parts, "; ")
}

// complete fills in what every finding of a check has in common.
func complete(f *Finding, c Check) {
	f.Check = c.Name
	f.Message = oneLine(f.Message)
	for i := range f.Evidence {
		f.Evidence[i] = oneLine(f.Evidence[i])
	}
	f.Severity = cmp.Or(f.Severity, c.Severity)
	f.Docs = PageURL(c.Name)
	if f.Aliases == nil {
		f.Aliases = c.Aliases
	}
	if f.ID == "" {
		f.ID = strings.Join([]string{c.Name, f.Object.Kind, f.Object.Namespace, f.Object.Name}, "/")
		f.ID = strings.ReplaceAll(f.ID, "//", "/")
	}
	slices.SortFunc(f.Affects, mesh.Ref.Compare)
	f.Affects = slices.Compact(f.Affects)
}

// oneLine makes text one line: what an event or a webhook said may have many.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// sortFindings puts roots before what they explain, the worst first, and then
// what everything else depends on, as the list of checks has it.
func sortFindings(f []Finding, checks []Check) {
	at := map[string]int{}
	for i, c := range checks {
		at[c.Name] = i
	}
	slices.SortStableFunc(f, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(btoi(a.CausedBy != ""), btoi(b.CausedBy != "")),
			cmp.Compare(a.Severity.Rank(), b.Severity.Rank()),
			cmp.Compare(at[a.Check], at[b.Check]),
			a.Object.Compare(b.Object),
			cmp.Compare(a.ID, b.ID),
		)
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// commandStart is where a command of ours begins in a line for the shell: at
// its start, after a pipe, "&&" or ";", or in "$(".
var commandStart = regexp.MustCompile(`(^|\||&&|;|\$\()(\s*)(kubectl mesh|kubectl|istioctl) `)

// connect puts the user's connection flags into commands, so that they reach
// the cluster that was looked at. A plugin takes them after its own name.
func connect(steps []Step, flags string) {
	if flags == "" {
		return
	}
	with := "${1}${2}${3} " + strings.ReplaceAll(flags, "$", "$$") + " "
	for i := range steps {
		steps[i].Run = commandStart.ReplaceAllString(steps[i].Run, with)
	}
}
