package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

func TestExitCodesOfErrors(t *testing.T) {
	cases := map[string]struct {
		err  error
		code int
		text string
	}{
		"none":                          {nil, 0, ""},
		"a plain error":                 {errors.New("no such thing"), 2, "error: no such thing\n"},
		"several lines become one":      {errors.New("a\nb"), 2, "error: a b\n"},
		"findings speak for themselves": {&exitError{code: 1}, 1, ""},
		"a wrapped code":                {fmt.Errorf("x: %w", &exitError{code: 1, err: errors.New("y")}), 1, "error: y\n"},
		"Ctrl-C":                        {fmt.Errorf("list pods: %w", context.Canceled), 2, "error: interrupted\n"},
		"a misspelt flag":               {errors.New("unknown flag: --al"), 2, "error: unknown flag: --al (see 'kubectl mesh --help')\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.code, exitCode(c.err, "kubectl mesh", &out))
			assert.Equal(t, c.text, out.String())
		})
	}
}

func TestVerdict(t *testing.T) {
	finding := func(s diagnose.Severity) *diagnose.Report {
		return &diagnose.Report{Findings: []diagnose.Finding{{Severity: s}}}
	}
	unknown := func(s diagnose.Severity) *diagnose.Report {
		return &diagnose.Report{Results: []diagnose.Result{{Severity: s, Status: diagnose.Unknown}}}
	}
	cases := map[string]struct {
		report *diagnose.Report
		failOn diagnose.Severity
		allow  bool
		want   int
	}{
		"nothing":                             {&diagnose.Report{}, diagnose.Error, false, 0},
		"an error":                            {finding(diagnose.Error), diagnose.Error, false, 1},
		"a warning is below":                  {finding(diagnose.Warning), diagnose.Error, false, 0},
		"a warning where warnings fail":       {finding(diagnose.Warning), diagnose.Warning, false, 1},
		"a note where notes fail":             {finding(diagnose.Info), diagnose.Info, false, 1},
		"an error where nothing fails":        {finding(diagnose.Error), "", false, 0},
		"could not look for errors":           {unknown(diagnose.Error), diagnose.Error, false, 2},
		"could not look for mere warnings":    {unknown(diagnose.Warning), diagnose.Error, false, 0},
		"could not look, and that is allowed": {unknown(diagnose.Error), diagnose.Error, true, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, exitCode(verdict(c.report, c.failOn, c.allow), "kubectl mesh", &bytes.Buffer{}))
		})
	}
}
