package printer

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// sameShown is how many findings of one check are shown whole.
const sameShown = 3

// printTable writes a line an area where all is well; a broken area opens into
// what, why, who is hit, and the fix.
func printTable(w io.Writer, r *diagnose.Report, style Style) error {
	if style.Width <= 0 {
		style.Width = 100
	}
	t := &table{style: style, report: r}
	t.header()
	if !t.noIstio() {
		for _, a := range t.areas() {
			t.area(a)
		}
		t.gaps()
		t.footer()
	}
	_, err := w.Write(t.out.Bytes())
	return err
}

type table struct {
	out    bytes.Buffer
	style  Style
	report *diagnose.Report
}

func (t *table) line(format string, args ...any) {
	t.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// sentence writes text from the left edge, wrapped.
func (t *table) sentence(text string) {
	for _, l := range wrap(Clean(text), t.style.Width) {
		t.line("%s", l)
	}
}

func (t *table) header() {
	m := t.report.Mesh
	var revs []string
	for _, rev := range m.Revisions {
		name := "revision " + rev.Name
		if len(rev.Tags) > 0 {
			name += ", tags " + strings.Join(rev.Tags, " ")
		}
		revs = append(revs, strings.TrimSpace(rev.Version+" ("+name+")"))
	}
	head := t.report.Source
	if t.style.Asked != "" {
		head += ", " + t.style.Asked
	}
	if len(revs) > 0 {
		head += ", Istio " + strings.Join(revs, ", ")
	}
	t.sentence(head)
}

// noIstio says the one calm sentence for a cluster without Istio, where
// nothing else is wrong.
func (t *table) noIstio() bool {
	c := t.report.Count()
	if t.report.Mesh.Istio || !t.report.Mesh.KnownIstio || c.Errors+c.Warnings > 0 || t.style.Named {
		return false
	}
	t.line("There is no Istio here: no injection webhook, no istiod, and no pod with a proxy.")
	return true
}

// areas puts those with the worst findings first: who is on call reads the top
// of the screen.
func (t *table) areas() []diagnose.Area {
	worst := map[diagnose.Area]int{}
	for _, f := range t.report.Roots() {
		worst[t.areaOf(f.Check)] = max(worst[t.areaOf(f.Check)], diagnose.Info.Rank()-f.Severity.Rank())
	}
	areas := diagnose.Areas()
	slices.SortStableFunc(areas, func(a, b diagnose.Area) int { return worst[b] - worst[a] })
	return areas
}

func (t *table) area(a diagnose.Area) {
	var shown, notes []diagnose.Finding
	for _, f := range t.report.Roots() {
		if t.areaOf(f.Check) != a {
			continue
		}
		if f.Severity == diagnose.Info && !t.style.Wide && !t.style.Named {
			notes = append(notes, f)
			continue
		}
		shown = append(shown, f)
	}
	worst := diagnose.Info
	for _, f := range shown {
		if f.Severity.Rank() < worst.Rank() {
			worst = f.Severity
		}
	}
	var ok, unknown int
	for _, res := range t.report.Results {
		if res.Area != a {
			continue
		}
		switch res.Status {
		case diagnose.OK:
			ok++
		case diagnose.Unknown:
			unknown++
		}
	}
	if ok+unknown+len(shown)+len(notes) == 0 {
		return // none of its checks was asked for
	}
	var parts []string
	if ok > 0 {
		parts = append(parts, plural(ok, "check")+" ok")
	}
	if len(notes) > 0 {
		parts = append(parts, plural(len(notes), "note")+" (-o wide)")
	}
	if unknown > 0 {
		parts = append(parts, thousands(unknown)+" unknown")
	}
	symbol := t.symbol(worst, len(shown) > 0, unknown > 0)
	t.line("%s %-22s %s", symbol, a, t.dim(strings.Join(parts, ", ")))
	t.findings(shown)
}

// findings shows the first of each check whole, and counts the rest.
func (t *table) findings(shown []diagnose.Finding) {
	seen := map[string]int{}
	total := map[string]int{}
	for _, f := range shown {
		total[f.Check+string(f.Severity)]++
	}
	for _, f := range shown {
		key := f.Check + string(f.Severity)
		seen[key]++
		switch {
		case seen[key] <= sameShown || t.style.Wide:
			t.finding(f)
		case seen[key] == sameShown+1:
			t.line("  and %s like this (-o wide, -o json)", plural(total[key]-sameShown, "more finding"))
		}
	}
}

func (t *table) finding(f diagnose.Finding) {
	t.line("  %s %s", t.severity(f.Severity), t.bold(f.Check))
	t.rows("what", f.Message)
	why := slices.Clone(f.Evidence)
	if f.Field != "" {
		why = append([]string{"field " + f.Field + " of " + f.Object.String()}, why...)
	}
	if len(why) > 5 && !t.style.Wide {
		why = append(why[:4], fmt.Sprintf("and %d more (-o wide)", len(why)-4))
	}
	t.rows("why", why...)
	if len(f.Affects) > 1 || len(f.Affects) == 1 && f.Affects[0] != f.Object {
		hits := workloads(f.Affects)
		if len(f.Affects) > 1 {
			var first []string
			for _, r := range f.Affects[:min(3, len(f.Affects))] {
				first = append(first, r.Namespace+"/"+r.Name)
			}
			hits += ": " + strings.Join(first, ", ")
			if len(f.Affects) > 3 {
				hits += ", …"
			}
		}
		t.rows("hits", hits)
	}
	for _, s := range f.Fix {
		t.step(s)
	}
	t.folded(f)
}

// step shows a command unbroken, so that it can be copied; words are wrapped.
func (t *table) step(s diagnose.Step) {
	if s.Run != "" {
		t.line("    %-5s %s", "fix", t.bold(Clean(s.Run)))
		if s.Say != "" {
			t.rows("", s.Say)
		}
		return
	}
	t.rows("do", s.Say)
}

// folded says what this finding explains.
func (t *table) folded(f diagnose.Finding) {
	hit := map[string]int{}
	var order []string
	for _, e := range t.report.Explained(f.ID) {
		if hit[e.Check] == 0 {
			order = append(order, e.Check)
		}
		hit[e.Check] += max(1, len(e.Affects))
		if t.style.Wide {
			t.rows("", "explains "+e.Check+": "+e.Message)
		}
	}
	if len(order) == 0 || t.style.Wide {
		return
	}
	var parts []string
	for _, name := range order {
		parts = append(parts, fmt.Sprintf("%s (%s)", name, thousands(hit[name])))
	}
	t.rows("", "explains "+strings.Join(parts, ", "))
}

// rows writes labelled text, wrapped to the width, each entry on lines of its
// own.
func (t *table) rows(label string, texts ...string) {
	for _, text := range texts {
		for _, l := range wrap(Clean(text), t.style.Width-10) {
			t.line("    %-5s %s", label, l)
			label = ""
		}
	}
}

func (t *table) footer() {
	c, m := t.report.Count(), t.report.Mesh
	expected := "how many should be is unknown"
	if m.KnownExpected {
		expected = thousands(m.Expected) + " expected"
	}
	t.sentence(fmt.Sprintf("%s: %s in the mesh, %s. %s, %s, %s; %s ok, %s unknown.",
		plural(m.Pods, "pod"), thousands(m.InMesh), expected,
		plural(c.Errors, "error"), plural(c.Warnings, "warning"), plural(c.Infos, "note"), plural(c.OK, "check"), thousands(c.Unknown)))
	for _, f := range t.report.Roots() {
		if f.Severity != diagnose.Info {
			t.sentence("More on a finding: " + t.style.Program + " doctor explain " + f.Check)
			return
		}
	}
}

func (t *table) areaOf(check string) diagnose.Area {
	for _, res := range t.report.Results {
		if res.Check == check {
			return res.Area
		}
	}
	return ""
}
