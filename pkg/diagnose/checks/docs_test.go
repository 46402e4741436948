package checks_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
)

const docs = "../../../docs/"

// TestDocsPagesAreCurrent keeps docs/checks.md and docs/checks what the checks say of themselves, and what the doctor
// prints for a fixture in which each finds something.
func TestDocsPagesAreCurrent(t *testing.T) {
	files := &golden.Files{}
	files.Check(t, docs+"checks.md", checks.Index(checks.All()))
	for _, c := range checks.All() {
		files.Check(t, docs+"checks/"+c.Name+".md", checks.Page(c, example(t, c)))
	}
	files.Unused(t, docs+"checks/*.md")
}

// TestTroubleshootingPageIsCurrent keeps what docs/troubleshooting.md shows what the doctor prints.
func TestTroubleshootingPageIsCurrent(t *testing.T) {
	const page = docs + "troubleshooting.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```\n\\$ kubectl mesh doctor [^\n]*--checks ([a-z-]+)[^`]*```")
	shown := block.ReplaceAllStringFunc(string(text), func(old string) string {
		name := block.FindStringSubmatch(old)[1]
		at := slices.IndexFunc(checks.All(), func(c diagnose.Check) bool { return c.Name == name })
		require.GreaterOrEqual(t, at, 0, name)
		return "```\n" + example(t, checks.All()[at]) + "\n```"
	})
	(&golden.Files{}).Check(t, page, shown)
}

// example is a command and what the doctor prints for it, in the fixture of a check where it finds the worst.
func example(t *testing.T, c diagnose.Check) string {
	t.Helper()
	folders, err := filepath.Glob("testdata/" + c.Name + "*/cluster.yaml")
	require.NoError(t, err)
	var worst *diagnose.Report
	var of string
	for _, path := range folders {
		folder := filepath.Dir(path)
		if name, _, _ := strings.Cut(filepath.Base(folder), "."); name != c.Name {
			continue
		}
		if _, typeable := namedIn(t, folder); !typeable {
			continue
		}
		s := read(t, folder)
		r := diagnose.Run(s, []diagnose.Check{alone(c)}, diagnose.Options{Scope: scope(t, folder), Injector: injector(s)})
		if len(r.Findings) > 0 && (worst == nil || r.Findings[0].Severity.Rank() < worst.Findings[0].Severity.Rank()) {
			worst, of = r, folder
		}
	}
	require.NotNil(t, worst, "%s finds nothing in its fixtures", c.Name)
	command, style := "$ kubectl mesh doctor ", printer.Style{Program: "kubectl mesh"}
	if named, _ := namedIn(t, of); named != "" {
		command += named + " "
		style.Named = true
	}
	command += "--checks " + c.Name
	if worst.Findings[0].Severity == diagnose.Info && !style.Named {
		command += " -o wide"
		style.Wide = true
	}
	var b strings.Builder
	require.NoError(t, printer.Doctor(&b, worst, "table", style))
	return command + "\n" + strings.TrimSpace(b.String())
}

// namedIn are the workloads that a fixture's question names, as arguments; false where they are of several namespaces,
// which no command names at once.
func namedIn(t *testing.T, folder string) (args string, typeable bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "scope.yaml"))
	if os.IsNotExist(err) {
		return "", true
	}
	require.NoError(t, err)
	var asked struct{ Workloads []string }
	require.NoError(t, yaml.Unmarshal(text, &asked))
	var names, namespaces []string
	for _, w := range asked.Workloads {
		parts := strings.Split(w, "/")
		names, namespaces = append(names, strings.ToLower(parts[0])+"/"+parts[2]), append(namespaces, parts[1])
	}
	switch namespaces = slices.Compact(namespaces); len(namespaces) {
	case 0:
		return "", true
	case 1:
		return strings.Join(names, " ") + " -n " + namespaces[0], true
	}
	return "", false
}
