// Package layout_test holds pages about the project true: which package may
// import what, and which versions are pinned.
package layout_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/kubectl-mesh/kubectl-mesh/"

// heavy lists the libraries that only some packages may import.
func heavy() []string {
	return []string{
		"istio.io/istio", "k8s.io/client-go", "k8s.io/cli-runtime", "k8s.io/kubectl", "k8s.io/apiserver",
		"github.com/olekukonko/tablewriter",
	}
}

type row struct{ project, heavy []string }

func TestPackagesImportWhatTheArchitecturePageSays(t *testing.T) {
	rows := table(t)
	listed := list(t)
	for path, imports := range listed {
		r, ok := rows[path]
		if !ok {
			t.Errorf("docs/architecture.md has no row for %s", path)
			continue
		}
		var got row
		for _, i := range imports {
			if own, ok := strings.CutPrefix(i, module); ok {
				got.project = append(got.project, own)
			}
			for _, h := range heavy() {
				if i == h || strings.HasPrefix(i, h+"/") {
					got.heavy = append(got.heavy, h)
				}
			}
		}
		for _, i := range got.project {
			if !slices.Contains(r.project, i) {
				t.Errorf("%s imports %s, which docs/architecture.md does not allow", path, i)
			}
		}
		for _, i := range got.heavy {
			if !slices.Contains(r.heavy, i) {
				t.Errorf("%s imports %s, which docs/architecture.md does not allow", path, i)
			}
		}
		for _, i := range slices.Concat(r.project, r.heavy) {
			if !slices.Contains(got.project, i) && !slices.Contains(got.heavy, i) {
				t.Errorf("docs/architecture.md lets %s import %s, which it does not", path, i)
			}
		}
	}
	for path := range rows {
		if _, ok := listed[path]; !ok {
			t.Errorf("docs/architecture.md has a row for %s, which does not exist", path)
		}
	}
}

// table reads the packages' rows of docs/architecture.md.
func table(t *testing.T) map[string]row {
	t.Helper()
	text, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	name := regexp.MustCompile("`([^`]+)`")
	names := func(cell string) []string {
		var all []string
		for _, m := range name.FindAllStringSubmatch(cell, -1) {
			all = append(all, m[1])
		}
		return all
	}
	rows := map[string]row{}
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 6 {
			continue
		}
		rows[names(cells[1])[0]] = row{project: names(cells[3]), heavy: names(cells[4])}
	}
	require.NotEmpty(t, rows)
	return rows
}

// list asks Go for the project's packages and what they import.
func list(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-C", "../..", "-json=ImportPath,Imports", "./cmd/...", "./pkg/...").Output()
	require.NoError(t, err)
	packages := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err == io.EOF {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p.Imports
	}
}
