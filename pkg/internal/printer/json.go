package printer

import (
	"encoding/json"
	"io"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The report as programs read it. Fields may be added, never renamed.
type doctorReport struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Time       time.Time     `json:"time"`
	Source     string        `json:"source"`
	Mesh       meshJSON      `json:"mesh"`
	Findings   []findingJSON `json:"findings"`
	Results    []resultJSON  `json:"results"`
	Gaps       []mesh.Gap    `json:"gaps,omitempty"`
	Summary    summaryJSON   `json:"summary"`
}

type meshJSON struct {
	Revisions []revisionJSON `json:"revisions"`
	Pods      int            `json:"pods"`
	InMesh    int            `json:"inMesh"`
	Expected  *int           `json:"expected"` // null where it cannot be known
}

type revisionJSON struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Tags    []string `json:"tags"`
}

type findingJSON struct {
	ID       string            `json:"id"`
	Check    string            `json:"check"`
	Severity diagnose.Severity `json:"severity"`
	Object   mesh.Ref          `json:"object"`
	Field    string            `json:"field"`
	Message  string            `json:"message"`
	Evidence []string          `json:"evidence"`
	Affects  affectsJSON       `json:"affects"`
	Fix      []stepJSON        `json:"fix"`
	CausedBy string            `json:"causedBy"`
	Aliases  []string          `json:"aliases"`
	Docs     string            `json:"docs"`
}

type affectsJSON struct {
	Count int        `json:"count"`
	First []mesh.Ref `json:"first"`
}

type stepJSON struct {
	Run  string            `json:"run,omitempty"`
	Say  string            `json:"say,omitempty"`
	Kind diagnose.StepKind `json:"kind"`
}

type resultJSON struct {
	Check  string          `json:"check"`
	Title  string          `json:"title"`
	Status diagnose.Status `json:"status"`
	Reason string          `json:"reason"`
}

type summaryJSON struct {
	OK       int `json:"ok"`
	Found    int `json:"found"`
	Unknown  int `json:"unknown"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
}

// firstAffected is how many of the workloads hit stand in a report by name.
const firstAffected = 10

func view(r *diagnose.Report) doctorReport {
	c := r.Count()
	out := doctorReport{
		APIVersion: "mesh.kubectl/v1alpha1", Kind: "DoctorReport", Time: r.Time, Source: r.Source,
		Mesh:     meshJSON{Revisions: []revisionJSON{}, Pods: r.Mesh.Pods, InMesh: r.Mesh.InMesh},
		Findings: []findingJSON{}, Results: []resultJSON{}, Gaps: r.Gaps,
		Summary: summaryJSON{OK: c.OK, Found: c.Found, Unknown: c.Unknown, Errors: c.Errors, Warnings: c.Warnings, Infos: c.Infos},
	}
	if r.Mesh.KnownExpected {
		out.Mesh.Expected = &r.Mesh.Expected
	}
	for _, rev := range r.Mesh.Revisions {
		out.Mesh.Revisions = append(out.Mesh.Revisions, revisionJSON{Name: rev.Name, Version: rev.Version, Tags: orEmpty(rev.Tags)})
	}
	for _, f := range r.Findings {
		j := findingJSON{
			ID: f.ID, Check: f.Check, Severity: f.Severity, Object: f.Object, Field: f.Field, Message: f.Message,
			Evidence: orEmpty(f.Evidence), Fix: []stepJSON{}, CausedBy: f.CausedBy, Aliases: orEmpty(f.Aliases), Docs: f.Docs,
			Affects: affectsJSON{Count: len(f.Affects), First: orEmpty(f.Affects[:min(len(f.Affects), firstAffected)])},
		}
		for _, s := range f.Fix {
			j.Fix = append(j.Fix, stepJSON{Run: s.Run, Say: s.Say, Kind: s.Kind})
		}
		out.Findings = append(out.Findings, j)
	}
	for _, res := range r.Results {
		out.Results = append(out.Results, resultJSON{Check: res.Check, Title: res.Title, Status: res.Status, Reason: res.Reason})
	}
	return out
}

// orEmpty makes an empty list of none: programs get [] and never null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func printJSON(w io.Writer, r *diagnose.Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(view(r))
}

func printYAML(w io.Writer, r *diagnose.Report) error {
	text, err := yaml.Marshal(view(r))
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
