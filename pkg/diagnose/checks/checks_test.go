package checks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestListOfChecksIsSound(t *testing.T) {
	require.NoError(t, diagnose.Validate(checks.All()))
}

// TestChecks runs every folder of testdata: CHECK or CHECK.VARIANT, with a
// cluster.yaml that doctor -f takes too, the check's findings in want.txt, and
// in scope.yaml, if there is one, what was asked about.
func TestChecks(t *testing.T) {
	byName := map[string]diagnose.Check{}
	for _, c := range checks.All() {
		byName[c.Name] = c
	}
	folders, err := filepath.Glob("testdata/*/cluster.yaml")
	require.NoError(t, err)

	files := &golden.Files{}
	reported := map[string]bool{}
	for _, path := range folders {
		folder := filepath.Dir(path)
		name, variant, _ := strings.Cut(filepath.Base(folder), ".")
		t.Run(filepath.Base(folder), func(t *testing.T) {
			c, ok := byName[name]
			require.True(t, ok, "there is no check %q", name)
			got := findings(t, c, folder)
			if strings.HasPrefix(variant, "healthy") {
				require.Equal(t, "nothing\n", got, "a healthy look-alike")
			}
			if got != "nothing\n" {
				reported[name] = true
			}
			files.Check(t, filepath.Join(folder, "want.txt"), got)
		})
	}
	if t.Failed() || slices.ContainsFunc(os.Args, func(a string) bool { return strings.Contains(a, "TestChecks/") }) {
		return
	}
	files.Unused(t, "testdata/*/want.txt")
	for name := range byName {
		if !reported[name] {
			t.Errorf("check %s reports nothing in any of its fixtures (testdata/%s*)", name, name)
		}
	}
}

// findings runs one check on a fixture. What it finds must not change when it
// is given nothing but the kinds it declares.
func findings(t *testing.T, c diagnose.Check, folder string) string {
	t.Helper()
	s := read(t, folder)
	o := diagnose.Options{Scope: scope(t, folder), Injector: injector(s)}
	all := diagnose.Run(s, []diagnose.Check{alone(c)}, o)
	for _, r := range all.Results {
		require.NotEqual(t, diagnose.Unknown, r.Status, r.Reason)
	}
	declared := s.Only(append(slices.Clone(c.Needs), c.Wants...)...)
	o.Injector = injector(declared)
	narrow := diagnose.Run(declared, []diagnose.Check{alone(c)}, o)
	require.Equal(t, describe(all.Findings), describe(narrow.Findings), "%s uses kinds that it does not declare", c.Name)
	return describe(all.Findings)
}

// alone is the check without what it explains, which is not in the run.
func alone(c diagnose.Check) diagnose.Check {
	c.Explains = nil
	return c
}

func read(t *testing.T, folder string) *mesh.Snapshot {
	t.Helper()
	s, problems, err := cluster.ReadFiles(t.Context(), cluster.FileQuery{Paths: []string{filepath.Join(folder, "cluster.yaml")}})
	require.NoError(t, err)
	require.Empty(t, problems)
	return s
}

// scope reads what the question of a fixture is about:
//
//	namespaces: [shop]
//	workloads: [Deployment/shop/web]
func scope(t *testing.T, folder string) diagnose.Scope {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "scope.yaml"))
	if os.IsNotExist(err) {
		return diagnose.Scope{}
	}
	require.NoError(t, err)
	var asked struct{ Namespaces, Workloads []string }
	require.NoError(t, yaml.UnmarshalStrict(text, &asked))
	sc := diagnose.Scope{Namespaces: asked.Namespaces}
	if len(asked.Workloads) > 0 {
		sc.Named = true
		sc.Workloads = func(w *mesh.Workload) bool {
			return slices.Contains(asked.Workloads, strings.Join([]string{w.Ref.Kind, w.Ref.Namespace, w.Ref.Name}, "/"))
		}
	}
	return sc
}

func describe(found []diagnose.Finding) string {
	if len(found) == 0 {
		return "nothing\n"
	}
	var b strings.Builder
	for i, f := range found {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s\n  id       %s\n  object   %s\n", f.Severity, f.Message, f.ID, f.Object)
		line := func(label, text string) {
			if text != "" {
				fmt.Fprintf(&b, "  %-8s %s\n", label, text)
			}
		}
		line("field", f.Field)
		for _, e := range f.Evidence {
			line("evidence", e)
		}
		for _, r := range f.Affects {
			line("affects", r.String())
		}
		for _, r := range f.Covers {
			line("covers", r.String())
		}
		for _, s := range f.Fix {
			line(string(s.Kind), step(s))
		}
	}
	return b.String()
}

// step is a step on one line: the command, and what is said of it as a comment.
func step(s diagnose.Step) string {
	switch {
	case s.Say == "":
		return s.Run
	case s.Run == "":
		return "# " + s.Say
	}
	return s.Run + "  # " + s.Say
}
