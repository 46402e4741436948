package route

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// snapshotOf reads files as the command does with -f. What they hold nothing
// of counts as read, unless the folder has a file "gaps".
func snapshotOf(t testing.TB, paths ...string) *mesh.Snapshot {
	t.Helper()
	s, problems, err := cluster.ReadFiles(context.Background(), cluster.FileQuery{Paths: paths})
	require.NoError(t, err)
	require.Empty(t, problems)
	if _, err := os.Stat(filepath.Join(filepath.Dir(paths[0]), "gaps")); err != nil {
		s.Read, s.Gaps = []mesh.Extent{{Kind: mesh.Everything}}, nil
	}
	return s
}

func TestViewsOfRecordedClusters(t *testing.T) {
	cases, err := filepath.Glob("testdata/view/*/cluster.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 25)
	files := &golden.Files{}
	for _, path := range cases {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			var out strings.Builder
			for _, v := range All(snapshotOf(t, path)) {
				out.WriteString(viewText(t, v))
			}
			files.Check(t, filepath.Join(filepath.Dir(path), "want.yaml"), out.String())
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/view/*/want.yaml")
	}
}

// viewText is a view for a reader: what is empty is left out.
func viewText(t *testing.T, v *View) string {
	t.Helper()
	out := map[string]any{}
	put := func(m map[string]any, key string, value any, there bool) {
		if there {
			m[key] = value
		}
	}
	var ports, versions, policies, conflicts []string
	for _, p := range v.Ports {
		ports = append(ports, fmt.Sprintf("%d %s", p.Number, p.Protocol))
	}
	for _, x := range v.Versions {
		from := "labels of pods"
		if x.From != (mesh.Ref{}) {
			from = x.From.String()
		}
		versions = append(versions, fmt.Sprintf("%s: %s ready, from %s", x.Name, endpointsText(x.Ready, x.Pods), from))
	}
	var list []any
	for _, table := range v.Tables {
		list = append(list, tableText(table))
	}
	for _, p := range v.Policies {
		name := p.Version
		if name == "" {
			name = "all"
		}
		policies = append(policies, fmt.Sprintf("%s: %s", name, strings.Join(p.Words, "; ")))
	}
	for _, c := range v.Conflicts {
		conflicts = append(conflicts, c.Check+": "+c.Message)
	}
	owners := map[string]string{}
	for ref, o := range v.Owners {
		owners[ref.String()] = o.String()
	}
	issues := issuesText(v)
	put(out, "api", string(v.API), v.API != None)
	put(out, "ports", strings.Join(ports, ", "), true)
	put(out, "headless", true, v.Headless)
	put(out, "endpoints", endpointsText(v.Ready, v.Pods), true)
	put(out, "versions", versions, len(versions) > 0)
	put(out, "tables", list, len(list) > 0)
	put(out, "policies", policies, len(policies) > 0)
	put(out, "conflicts", conflicts, len(conflicts) > 0)
	put(out, "owners", owners, len(owners) > 0)
	put(out, "unknown", v.Unknown, len(v.Unknown) > 0)
	put(out, "issues", issues, len(issues) > 0)
	text, err := yaml.Marshal(map[string]any{v.Service.Namespace + "/" + v.Service.Name: out})
	require.NoError(t, err)
	return string(text)
}

func issuesText(v *View) []string {
	var all []string
	for _, f := range Issues(v, time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)) {
		text := fmt.Sprintf("%s %s: %s", f.Severity, f.Check, f.Message)
		for _, s := range f.Fix {
			text += " FIX " + s.Run + s.Say
		}
		all = append(all, text)
	}
	return all
}

func endpointsText(ready, pods int) string {
	words := func(n int) string {
		if n < 0 {
			return "?"
		}
		return fmt.Sprint(n)
	}
	return words(ready) + "/" + words(pods)
}

func tableText(t Table) map[string]any {
	who := "all clients"
	switch {
	case t.Loses:
		who = "nobody"
	case len(t.Only) > 0:
		who = "clients in " + strings.Join(t.Only, ", ")
	case len(t.Except) > 0:
		who = "clients not in " + strings.Join(t.Except, ", ")
	}
	out := map[string]any{"scope": t.Scope, "from": t.From.String(), "for": who, "hosts": strings.Join(t.Hosts, ", ")}
	if len(t.Ports) > 0 {
		out["ports"] = fmt.Sprint(t.Ports)
	}
	if len(t.Merged) > 0 {
		out["merged"] = refWords(t.Merged)
	}
	var rules []string
	for _, r := range t.Rules {
		rules = append(rules, ruleText(t, r))
	}
	out["rules"] = rules
	return out
}

func ruleText(t Table, r Rule) string {
	var matches, to []string
	for _, m := range r.Matches {
		matches = append(matches, m.String())
	}
	if len(matches) == 0 {
		matches = []string{"*"}
	}
	for _, d := range r.To {
		to = append(to, destinationText(d))
	}
	text := fmt.Sprintf("%s %s: %s -> %s", r.Field, r.Protocol, strings.Join(matches, " | "), strings.Join(to, ", "))
	if r.Name != "" {
		text = r.Name + " " + text
	}
	if r.From != t.From {
		text += " of " + r.From.String()
	}
	if r.Timeout != "" {
		text += "; timeout " + r.Timeout
	}
	if r.Retry != "" {
		text += "; retries " + r.Retry
	}
	if r.Fault != nil {
		text += "; " + r.Fault.String()
		if r.Fault.Review != "" {
			text += " until " + r.Fault.Review
		}
	}
	for _, m := range r.Mirrors {
		text += fmt.Sprintf("; mirrors %s to %s", Percent(m.Percent), destinationText(m.To))
	}
	for _, o := range r.Other {
		text += "; " + o
	}
	if r.Unreachable {
		text += "; UNREACHABLE"
	}
	return text
}

func destinationText(d Destination) string {
	text := d.Host
	if d.Version != "" {
		text += " " + d.Version
	}
	if d.Port != 0 {
		text += fmt.Sprintf(":%d", d.Port)
	}
	if d.Weight >= 0 {
		text += fmt.Sprintf(" weight %d", d.Weight)
	}
	text += fmt.Sprintf(" %s (%s)", Percent(d.Share), endpointsText(d.Ready, d.Pods))
	if d.Missing {
		text += " MISSING"
	}
	return text
}

func TestLookNamesServicesThatAreCalledAlike(t *testing.T) {
	s := snapshotOf(t, "testdata/view/jason/cluster.yaml")
	_, err := Look(s, "shop", "reveiws")
	assert.EqualError(t, err, `there is no service "reveiws" in namespace "shop"; did you mean reviews?`)
	_, err = Look(s, "elsewhere", "reviews")
	assert.EqualError(t, err, `there is no service "reviews" in namespace "elsewhere"; did you mean shop/reviews?`)
	v, err := Look(s, "shop", "reviews")
	require.NoError(t, err)
	assert.Equal(t, "reviews.shop.svc.cluster.local", v.Host)
}
