package checks_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// TestAnAbsentWorkloadHasOneReason holds the checks of labels and policy apart:
// in every fixture of theirs, no workload is told of by two of them, but for
// what is wrong with its sidecar's revision and with its running pods.
func TestAnAbsentWorkloadHasOneReason(t *testing.T) {
	var labels []diagnose.Check
	var fixtures []string
	for _, c := range checks.All() {
		if c.Area != diagnose.Labels || c.Name == "injection-decided" || c.Name == "namespace-labels-conflict" {
			continue
		}
		labels = append(labels, alone(c))
		found, err := filepath.Glob("testdata/" + c.Name + "*/cluster.yaml")
		require.NoError(t, err)
		fixtures = append(fixtures, found...)
	}
	require.NotEmpty(t, fixtures)
	for _, path := range slices.Compact(slices.Sorted(slices.Values(fixtures))) {
		folder := filepath.Dir(path)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			s := read(t, folder)
			r := diagnose.Run(s, labels, diagnose.Options{Scope: scope(t, folder)})
			told := map[mesh.Ref][]string{}
			for _, f := range r.Findings {
				for _, w := range f.Affects {
					told[w] = append(told[w], f.Check)
				}
			}
			for w, by := range told {
				assert.Len(t, by, 1, "%s", w)
			}
		})
	}
}

// TestHealthyLabelsGetNoWarning runs every check on the healthy fixtures of
// the checks of labels and policy.
func TestHealthyLabelsGetNoWarning(t *testing.T) {
	var fixtures []string
	for _, c := range checks.All() {
		if c.Area == diagnose.Labels && c.Name != "ambient-and-sidecar-labels" { // its fixtures hold no istiod
			found, err := filepath.Glob("testdata/" + c.Name + ".healthy*/cluster.yaml")
			require.NoError(t, err)
			fixtures = append(fixtures, found...)
		}
	}
	require.NotEmpty(t, fixtures)
	for _, path := range fixtures {
		folder := filepath.Dir(path)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			s := read(t, folder)
			r := diagnose.Run(s, checks.All(), diagnose.Options{Scope: scope(t, folder), Injector: injector(s)})
			for _, f := range r.Findings {
				assert.Equal(t, diagnose.Info, f.Severity, "%s: %s", f.Check, f.Message)
			}
		})
	}
}
