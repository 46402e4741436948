package route

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// planText is a plan as people would read it.
func planText(t *testing.T, p *Plan, err error) string {
	t.Helper()
	doc := []any{}
	put := func(key string, value any) { doc = append(doc, map[string]any{key: value}) }
	refused := &RefusedError{}
	switch {
	case errors.As(err, &refused):
		put("refused", map[string]any{"check": refused.Check, "why": refused.Why, "instead": refused.Instead})
		return encode(t, doc)
	case err != nil:
		put("error", err.Error())
		return encode(t, doc)
	}
	for _, s := range p.Steps {
		step := struct {
			Phase  string
			Why    string
			Before map[string]any `yaml:",omitempty"`
			After  map[string]any `yaml:",omitempty"`
			Expect []string       `yaml:",omitempty"`
		}{Phase: string(s.Phase), Why: s.Why, Before: excerpt(s.Before), After: excerpt(s.After), Expect: expectText(s.Expect)}
		put(s.String(), step)
	}
	if len(p.Notes) > 0 {
		put("notes", p.Notes)
	}
	var checks []string
	for _, c := range p.Checks {
		checks = append(checks, string(c.Severity)+" "+c.Check+": "+c.Message)
	}
	if len(checks) > 0 {
		put("checks", checks)
	}
	return encode(t, doc)
}

// excerpt is what a plan may change of an object.
func excerpt(u *unstructured.Unstructured) map[string]any {
	if u == nil {
		return nil
	}
	got := map[string]any{"spec": u.Object["spec"]}
	if l := u.GetLabels(); len(l) > 0 {
		got["labels"] = l
	}
	if a := u.GetAnnotations(); len(a) > 0 {
		got["annotations"] = a
	}
	return got
}

func expectText(e Expect) []string {
	var all []string
	for _, c := range e.Clusters {
		all = append(all, "cluster "+c)
	}
	for _, c := range e.Gone {
		all = append(all, "no cluster "+c)
	}
	for _, c := range e.Unused {
		all = append(all, "nothing to "+c)
	}
	for _, r := range e.Routes {
		words := "route"
		if r.TCP {
			words = "connections"
		}
		words += " " + r.Host
		if r.Port != 0 {
			words += ":" + number(float64(r.Port))
		}
		if r.Clusters == nil {
			all = append(all, words+": none of "+r.Object)
			continue
		}
		words += " #" + number(float64(r.Rule+1))
		if r.Maybe {
			words += " (some)"
		}
		for _, name := range slices.Sorted(maps.Keys(r.Clusters)) {
			words += " " + Percent(r.Clusters[name]) + " " + name
		}
		if a := r.Action; a != nil {
			words += actionText(*a)
		}
		all = append(all, words)
	}
	return all
}

func actionText(a ExpectAction) string {
	words := ""
	if a.Timeout != 0 {
		words += ", timeout " + a.Timeout.String()
	}
	if a.Attempts >= 0 {
		words += ", retries " + number(float64(a.Attempts))
	}
	if a.Delay != 0 {
		words += ", delay " + a.Delay.String() + " for " + Percent(a.DelayPercent)
	}
	if a.Abort != "" {
		words += ", abort " + a.Abort + " for " + Percent(a.AbortPercent)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Mirrors)) {
		words += ", copy " + Percent(a.Mirrors[name]) + " to " + name
	}
	return words
}

func encode(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	require.NoError(t, e.Encode(v))
	return out.String()
}
