package printer

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Most lines that a part of a plan takes, and names in one.
const (
	planLines = 8
	planNames = 4
)

// Plan writes what labelling a namespace would do, on one screen. restarts says
// whether workloads that wait for it are restarted too. It fails when the
// writer does.
func Plan(w io.Writer, p *membership.Plan, restarts bool, style Style) error {
	if style.Width <= 0 {
		style.Width = 100
	}
	t := &table{style: style}
	t.sentence(planHead(p))
	t.labels(p)
	if p.Enable {
		t.plain("sidecar", p.In, "")
		t.reasons("no sidecar", p.Out)
	} else {
		t.plain("no sidecar", p.Out, "")
		t.reasons("sidecar", p.In)
	}
	if restarts {
		t.plain("restart", p.Restart, "")
	} else {
		t.plain("to restart", p.Restart, ", which --restart does")
	}
	t.byHand(p.ByHand)
	for _, note := range p.Notes {
		t.part("note", note)
	}
	for i, f := range p.Findings {
		if i == planLines && !style.Wide {
			t.part("", fmt.Sprintf("and %s more", plural(len(p.Findings)-i, "finding")))
			break
		}
		t.predicted(f)
	}
	_, err := w.Write(t.out.Bytes())
	return err
}

func planHead(p *membership.Plan) string {
	name := "Namespace " + p.Namespace.Name
	if p.Revision.Name == "" {
		return name + ": no sidecars"
	}
	by := "revision " + p.Revision.Name
	if p.Revision.Tag != "" {
		by += " (tag " + p.Revision.Tag + ")"
	}
	if p.Version != "" {
		by += ", Istio " + p.Version
	}
	return name + ": sidecars by " + by
}

// part writes one labelled line of a plan, wrapped.
func (t *table) part(label, text string) {
	for _, l := range wrap(Clean(text), t.style.Width-14) {
		t.line("  %-11s %s", label, l)
		label = ""
	}
}

func (t *table) labels(p *membership.Plan) {
	label := "label"
	for _, l := range p.Labels {
		text := l.String()
		switch {
		case l.Remove && l.Key == mesh.RevisionLabel && p.Enable:
			text += fmt.Sprintf(" (was %q; istio-injection wins over it)", l.Old)
		case l.Set:
			text += fmt.Sprintf(" (was %q)", l.Old)
		}
		t.part(label, text)
		label = ""
	}
	if len(p.Labels) == 0 {
		text := p.Label
		if text == "" {
			text = "none"
		}
		t.part(label, text+" (as it is already)")
	}
}

// plain counts workloads and names the first.
func (t *table) plain(label string, list []membership.Outcome, more string) {
	if len(list) == 0 {
		return
	}
	pods := 0
	var names []string
	for i, o := range list {
		pods += o.Pods
		if i < planNames {
			names = append(names, o.Ref.Arg())
		}
	}
	if len(list) > planNames {
		names = append(names, fmt.Sprintf("and %d more", len(list)-planNames))
	}
	t.part(label, fmt.Sprintf("%s (%s)%s: %s", plural(len(list), "workload"), plural(pods, "pod"), more, strings.Join(names, ", ")))
}

// reasons names workloads with why; those of one reason stand together.
func (t *table) reasons(label string, list []membership.Outcome) {
	var whys []string
	by := map[string][]membership.Outcome{}
	for _, o := range list {
		if by[o.Why] == nil {
			whys = append(whys, o.Why)
		}
		by[o.Why] = append(by[o.Why], o)
	}
	for i, why := range whys {
		if i == planLines {
			t.part(label, fmt.Sprintf("and more, for %s", plural(len(whys)-i, "other reason")))
			return
		}
		var names []string
		for j, o := range by[why] {
			if j == planNames {
				names = append(names, fmt.Sprintf("and %d more", len(by[why])-j))
				break
			}
			names = append(names, o.Ref.Arg())
		}
		t.part(label, strings.Join(names, ", ")+": "+why)
		label = ""
	}
}

// byHand says what replaces pods that a restart does not.
func (t *table) byHand(list []membership.Outcome) {
	label := "by hand"
	for i, o := range list {
		if i == planLines {
			t.part(label, fmt.Sprintf("and %s more", plural(len(list)-i, "workload")))
			return
		}
		t.part(label, o.Ref.Arg()+": "+o.Step.Say)
		label = ""
		if o.Step.Run != "" {
			t.line("  %-11s %s", "", t.bold(Clean(o.Step.Run)))
		}
	}
}

// predicted is a finding of what would be.
func (t *table) predicted(f diagnose.Finding) {
	t.line("  %s %s", t.severity(f.Severity), t.bold(f.Check))
	t.rows("what", f.Message)
	if len(f.Affects) > 1 {
		t.rows("hits", workloads(f.Affects))
	}
	for _, s := range f.Fix {
		t.step(s)
	}
}
