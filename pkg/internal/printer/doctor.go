package printer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// Style is how a report is laid out for people.
type Style struct {
	Program string // how the user calls us, for what to type next
	Asked   string // what the question was about: "namespace shop"
	Width   int    // columns; 0 means 100
	Color   bool   // ANSI colours; the words say it all without them
	ASCII   bool   // no symbols beyond ASCII
	Wide    bool   // notes and folded findings too, nothing cut short
	Named   bool   // the user named workloads: their notes are the answer
}

// DoctorFormats lists what Doctor takes as a format.
func DoctorFormats() []string { return []string{"table", "wide", "short", "json", "yaml", "name"} }

// Doctor writes a report in one of DoctorFormats. It fails for another format
// or when the writer does.
func Doctor(w io.Writer, r *diagnose.Report, format string, style Style) error {
	switch format {
	case "json":
		return printJSON(w, r)
	case "yaml":
		return printYAML(w, r)
	case "short":
		return printShort(w, r)
	case "name":
		return printNames(w, r)
	case "wide":
		style.Wide = true
		return printTable(w, r, style)
	case "table", "":
		return printTable(w, r, style)
	}
	return fmt.Errorf("unknown format %q: use one of %s", format, strings.Join(DoctorFormats(), ", "))
}

// printShort writes a line a root.
func printShort(w io.Writer, r *diagnose.Report) error {
	for _, f := range r.Roots() {
		hits := ""
		if n := len(f.Affects); n > 1 {
			hits = fmt.Sprintf(" (hits %s)", workloads(f.Affects))
		}
		if _, err := fmt.Fprintf(w, "%s %s: %s%s\n", f.Severity, f.Check, Clean(f.Message), hits); err != nil {
			return err
		}
	}
	return nil
}

// printNames writes the objects of roots that are more than notes, for xargs.
func printNames(w io.Writer, r *diagnose.Report) error {
	var names []string
	for _, f := range r.Roots() {
		if f.Severity != diagnose.Info {
			names = append(names, Clean(f.Object.Arg()))
		}
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		if _, err := fmt.Fprintln(w, n); err != nil {
			return err
		}
	}
	return nil
}
