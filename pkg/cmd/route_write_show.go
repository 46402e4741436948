package cmd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// fill puts what the API server says into the plan's steps, and returns each
// object before and after, as text.
func (w *routeWrite) fill(plan *route.Plan, prepared *cluster.Prepared) []edited {
	var all []edited
	for i, c := range prepared.Changes() {
		s := &plan.Steps[i]
		s.Before, s.After = c.Before, c.After
		if s.After == nil && s.Write != mesh.Delete { // the API server was not asked
			var before map[string]any
			if s.Before != nil {
				before = s.Before.Object
			}
			s.After = &unstructured.Unstructured{Object: s.Outcome(before)}
		}
		e := edited{after: whole(objectText(s.After))}
		e.name, e.text = kubectlName(s.Ref)+".yaml", objectText(s.Before)
		if s.Ref.Namespace != w.namespace {
			e.name = s.Ref.Namespace + "/" + e.name
		}
		all = append(all, e)
	}
	return all
}

// objectText is an object as YAML, without what the API server and the history
// keep in it; empty for none.
func objectText(o *unstructured.Unstructured) []byte {
	if o == nil {
		return nil
	}
	o = asWritten(o)
	annotations := o.GetAnnotations()
	delete(annotations, route.ChangeAnnotation)
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		return []byte(err.Error() + "\n") // what came as JSON can always be written as YAML
	}
	return text
}

// diffText is the difference as unified diff.
func diffText(all []edited) (string, error) {
	var out strings.Builder
	for _, e := range all {
		err := difflib.WriteUnifiedDiff(&out, difflib.UnifiedDiff{
			A: textLines(string(e.text)), B: textLines(string(e.after.bytes())), FromFile: "before/" + e.name, ToFile: "after/" + e.name, Context: 3,
		})
		if err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// changedLines are a diff's lines without those around them and without their
// places: what it does, wherever that stands.
func changedLines(diff string) string {
	var kept []string
	for _, line := range textLines(diff) {
		if line[0] == '+' || line[0] == '-' {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// textLines are the lines of a text, each with its end; none of an empty one.
func textLines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// show prints the plan: on stdout the answer, on stderr what else there is to
// know.
func (w *routeWrite) show(plan *route.Plan, diff string) error {
	if w.output != "" {
		return w.showAs(plan)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s of service %s/%s (%s)\n", w.command(), w.namespace, w.service, plan.API)
	for i, s := range plan.Steps {
		fmt.Fprintf(&out, "  %d. %-5s  %s: %s\n", i+1, s.Phase, s.Change, s.Why)
	}
	for _, line := range strings.Split(strings.TrimSuffix(diff, "\n"), "\n") {
		out.WriteString(printer.Clean(line) + "\n")
	}
	if _, err := fmt.Fprint(w.Out, out.String()); err != nil {
		return err
	}
	w.remarks(plan)
	return nil
}

// remarks prints notes and checks, but for what is said at the end: the first
// check that refuses the plan, and an owner that is overruled.
func (w *routeWrite) remarks(plan *route.Plan) {
	for _, n := range plan.Notes {
		fmt.Fprintf(w.ErrOut, "note: %s\n", printer.Clean(n))
	}
	first := slices.IndexFunc(plan.Checks, w.refuses)
	for i, f := range plan.Checks {
		severity := f.Severity
		switch {
		case i == first, f.Check == keptByOwner && w.forceOwner:
			continue
		case severity == diagnose.Error && !w.refuses(f):
			severity = diagnose.Warning
		}
		fmt.Fprintf(w.ErrOut, "%s: %s (%s)\n", severity, printer.Clean(f.Message), f.Check)
	}
}

// command is what was typed, on one line.
func (w *routeWrite) command() string {
	return printer.Clean(route.Entry{Verb: w.verb, Args: w.args}.Command())
}

// planDocument is a plan for programs.
type planDocument struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Service    mesh.Ref      `json:"service"`
	API        route.API     `json:"api"`
	Command    string        `json:"command"`
	Steps      []plannedStep `json:"steps"`
	Notes      []string      `json:"notes,omitempty"`
	Checks     []planCheck   `json:"checks,omitempty"`
}

type plannedStep struct {
	Phase  route.Phase    `json:"phase"`
	Write  mesh.Write     `json:"write"`
	Object mesh.Ref       `json:"object"`
	Why    string         `json:"why"`
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
}

type planCheck struct {
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
}

// showAs prints the plan as YAML or JSON.
func (w *routeWrite) showAs(plan *route.Plan) error {
	d := planDocument{
		APIVersion: "mesh.kubectl/v1alpha1", Kind: "RoutePlan", Service: mesh.RefTo(mesh.Services, w.namespace, w.service),
		API: plan.API, Command: route.Entry{Verb: w.verb, Args: w.args}.Command(), Steps: []plannedStep{}, Notes: plan.Notes,
	}
	for _, s := range plan.Steps {
		d.Steps = append(d.Steps, plannedStep{Phase: s.Phase, Write: s.Write, Object: s.Ref, Why: s.Why, Before: route.Recorded(s.Before), After: route.Recorded(s.After)})
	}
	for _, f := range plan.Checks {
		d.Checks = append(d.Checks, planCheck{f.Check, string(f.Severity), f.Message})
	}
	var text []byte
	var err error
	if w.output == "json" {
		if text, err = json.MarshalIndent(d, "", "  "); err == nil {
			text = append(text, '\n')
		}
	} else {
		text, err = yaml.Marshal(d)
	}
	if err != nil {
		return err
	}
	_, err = w.Out.Write(text)
	return err
}

// unchanged says that all is as it should be.
func (w *routeWrite) unchanged(plan *route.Plan) error {
	if w.output != "" {
		return w.showAs(plan)
	}
	w.remarks(plan)
	if w.diff {
		return nil
	}
	_, err := fmt.Fprintf(w.Out, "%s unchanged\n", kubectlName(mesh.RefTo(mesh.Services, w.namespace, w.service)))
	return err
}

// said prints what was done with each object, as kubectl does.
func (w *routeWrite) said(plan *route.Plan) error {
	if w.output != "" {
		return nil
	}
	for _, s := range plan.Steps {
		word := map[mesh.Write]string{mesh.Create: "created", mesh.Delete: "deleted", mesh.Patch: "patched", mesh.Apply: "serverside-applied"}[s.Write]
		if _, err := fmt.Fprintf(w.Out, "%s %s%s\n", kubectlName(s.Ref), word, dryRunSuffix(w.dryRun)); err != nil {
			return err
		}
	}
	return nil
}

// forGit is a change without what only matters to the API server.
func forGit(c mesh.Change) mesh.Change {
	clean := func(o map[string]any) map[string]any {
		u := asWritten(&unstructured.Unstructured{Object: o})
		annotations := u.GetAnnotations()
		delete(annotations, route.ChangeAnnotation)
		if len(annotations) == 0 {
			annotations = nil
		}
		u.SetAnnotations(annotations)
		if len(u.Object) > 0 {
			if meta, ok := u.Object["metadata"].(map[string]any); ok && len(meta) == 0 {
				delete(u.Object, "metadata")
			}
		}
		return u.Object
	}
	if c.Object != nil {
		c.Object = &unstructured.Unstructured{Object: clean(c.Object.Object)}
	}
	if c.Fields != nil {
		c.Fields = clean(c.Fields)
	}
	return c
}
