package printer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// InjectReport says what became of each workload that inject or uninject was
// given. In JSON its fields stay; more may be added.
type InjectReport struct {
	APIVersion string           `json:"apiVersion"` // mesh.kubectl/v1alpha1
	Kind       string           `json:"kind"`       // InjectReport
	Workloads  []InjectWorkload `json:"workloads"`
}

// InjectWorkload is what became of one pod template.
type InjectWorkload struct {
	Workload mesh.Ref        `json:"workload"`
	Path     string          `json:"path,omitempty"`   // of the pod template: "spec.template"
	Status   string          `json:"status"`           // injected, skipped, refused, removed
	Code     string          `json:"code,omitempty"`   // why it was skipped, in a word that stays the same
	Reason   string          `json:"reason,omitempty"` // in words
	Revision string          `json:"revision,omitempty"`
	Proxy    string          `json:"proxy,omitempty"` // version
	Notes    []string        `json:"notes,omitempty"`
	Warnings []InjectWarning `json:"warnings,omitempty"`
}

// InjectWarning is what a check of the doctor finds in an injected workload.
type InjectWarning struct {
	Check   string `json:"check"`
	Message string `json:"message"`
}

// Count counts the workloads of a status.
func (r InjectReport) Count(status string) int {
	n := 0
	for _, w := range r.Workloads {
		if w.Status == status {
			n++
		}
	}
	return n
}

// Inject prints a report: as text (a line a workload, notes and warnings
// below), as json, or not at all (none).
func Inject(w io.Writer, r InjectReport, format string) error {
	switch format {
	case "none":
		return nil
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	var b strings.Builder
	line := func(indent, text string) { b.WriteString(indent + Clean(text) + "\n") }
	for _, l := range r.Workloads {
		line("", l.name()+": "+l.said())
		for _, n := range l.Notes {
			line("  ", "note: "+n)
		}
		for _, warn := range l.Warnings {
			line("  ", fmt.Sprintf("warning: %s (%s)", warn.Message, warn.Check))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (w InjectWorkload) name() string {
	name := w.Workload.Arg()
	if w.Workload.Namespace != "" && w.Workload.Namespace != "default" {
		name += " -n " + w.Workload.Namespace
	}
	return name
}

func (w InjectWorkload) said() string {
	switch w.Status {
	case "injected":
		var with []string
		if w.Revision != "" {
			with = append(with, "revision "+w.Revision)
		}
		if w.Proxy != "" {
			with = append(with, "proxy "+w.Proxy)
		}
		if with == nil {
			return "injected"
		}
		return "injected (" + strings.Join(with, ", ") + ")"
	case "removed":
		return "sidecar taken out"
	case "skipped":
		return fmt.Sprintf("skipped: %s: %s", w.Code, w.Reason)
	}
	return "refused by istiod: " + w.Reason
}
