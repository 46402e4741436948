//go:build sandbox

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// report is what a program reads of "doctor -o json".
type report struct {
	APIVersion, Kind string
	Findings         []finding
	Results          []result
}

type finding struct {
	ID, Check, Severity, Message, CausedBy, Docs string
	Evidence                                     []string
	Affects                                      struct{ Count int }
	Fix                                          []step
}

type step struct{ Run, Say, Kind string }

type result struct{ Check, Status, Reason string }

func readReport(text string) (*report, error) {
	d := json.NewDecoder(strings.NewReader(text))
	r := &report{}
	if err := d.Decode(r); err != nil {
		return nil, finalError{fmt.Errorf("stdout is no JSON: %w", err)}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, finalError{errors.New("more than the report stands on stdout")}
	}
	if r.APIVersion != "mesh.kubectl/v1alpha1" || r.Kind != "DoctorReport" {
		return nil, finalError{fmt.Errorf("stdout is a %s %s", r.APIVersion, r.Kind)}
	}
	return r, nil
}

// contract is what holds for every report: a root says what is wrong in a line, how it was seen and what to do.
func (r *report) contract() error {
	for _, f := range r.roots() {
		switch {
		case f.Message == "" || len(f.Evidence) == 0 || f.Docs == "":
			return finalError{fmt.Errorf("%s lacks a message, evidence or docs: %+v", f.ID, f)}
		case len(f.Fix) == 0:
			return finalError{fmt.Errorf("%s has no fix", f.ID)}
		case strings.ContainsFunc(f.Message, unicode.IsControl):
			return finalError{fmt.Errorf("%s has control characters in its message: %q", f.ID, f.Message)}
		}
		for _, s := range f.Fix {
			if s.Run == "" && s.Say == "" || s.Kind == "" {
				return finalError{fmt.Errorf("%s has an empty step: %+v", f.ID, f.Fix)}
			}
		}
	}
	return nil
}

// roots are the findings of severity error and warning that nothing else explains.
func (r *report) roots() []finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f finding) bool { return f.CausedBy != "" || f.Severity == "info" })
}

// of lists the roots of one check.
func (r *report) of(check string) []finding {
	return slices.DeleteFunc(r.roots(), func(f finding) bool { return f.Check != check })
}

func (r *report) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		under := ""
		if f.CausedBy != "" {
			under = " under " + f.CausedBy
		}
		fmt.Fprintf(&b, "  %s %s%s: %s (hits %d)\n", f.Severity, f.ID, under, f.Message, f.Affects.Count)
	}
	for _, s := range r.Results {
		if s.Status == "unknown" {
			fmt.Fprintf(&b, "  unknown %s: %s\n", s.Check, s.Reason)
		}
	}
	return b.String()
}
