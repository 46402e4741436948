package checks_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
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

// TestHealthyClustersGetNoWarning runs every check on every healthy fixture.
// What is healthy for one check may be another's fault: those are told here.
func TestHealthyClustersGetNoWarning(t *testing.T) {
	others := map[string][]string{
		"annotation-invalid.healthy":                              {"pod-creation-refused"},
		"api-server-no-route-to-pods.healthy":                     {"webhook-calls-failed-before"},
		"ca-bundle-mismatch.healthy-before-the-repair":            {"pod-creation-refused"},
		"injector-values-broken.healthy":                          {"injection-template-unknown", "annotation-invalid"},
		"istiod-no-endpoints.healthy":                             {"webhook-calls-failed-before"},
		"istiod-refuses-connections.healthy":                      {"webhook-calls-failed-before"},
		"istiod-unreachable-from-api-server.healthy-just-started": {"webhook-calls-failed-before"},
		"pod-creation-refused.healthy":                            {"webhook-calls-failed-before"},
		"webhook-calls-failed-before.healthy-still-down":          {"istiod-no-endpoints"},
		"webhook-host-not-found.healthy-changed-since":            {"pod-creation-refused"},
		"webhook-selector-modified.healthy-aks":                   {"webhook-admissions-enforcer"},
		"webhook-url-fails.healthy-changed-since":                 {"pod-creation-refused"},
	}
	fixtures, err := filepath.Glob("testdata/*.healthy*/cluster.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, fixtures)
	for _, path := range fixtures {
		folder := filepath.Dir(path)
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			var worse []string
			for _, f := range roots(t, folder) {
				if f.Severity != diagnose.Info {
					worse = append(worse, f.Check)
				}
			}
			assert.Equal(t, others[name], worse)
		})
	}
}

// TestRoots runs every check on the fixtures that have a roots.txt, which holds
// the findings that no other explains, and whom they hit.
func TestRoots(t *testing.T) {
	want, err := filepath.Glob("testdata/*/roots.txt")
	require.NoError(t, err)
	require.NotEmpty(t, want)
	files := &golden.Files{}
	for _, path := range want {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			var got strings.Builder
			for _, f := range roots(t, filepath.Dir(path)) {
				fmt.Fprintf(&got, "%s %s\n", f.Severity, f.ID)
				for _, r := range f.Affects {
					fmt.Fprintf(&got, "  affects %s\n", r)
				}
			}
			files.Check(t, path, got.String())
		})
	}
}

// roots are the roots of all checks on a fixture, but of those that judge what
// the fixture has none of.
func roots(t *testing.T, folder string) []diagnose.Finding {
	t.Helper()
	s := read(t, folder)
	skip := leftOut(s)
	list := slices.DeleteFunc(checks.All(), func(c diagnose.Check) bool { return slices.Contains(skip, c.Name) })
	for i := range list {
		list[i].Explains = slices.DeleteFunc(slices.Clone(list[i].Explains), func(name string) bool { return slices.Contains(skip, name) })
	}
	return diagnose.Run(s, list, diagnose.Options{Scope: scope(t, folder), Injector: injector(s)}).Roots()
}

// leftOut are the checks of parts that fixtures leave out to stay small, where
// this one does: none of its webhooks has a CA bundle or calls a Service that
// it holds, it has one webhook for the four of the chart, or nothing of a kind.
func leftOut(s *mesh.Snapshot) []string {
	var skip []string
	whole, bundle, called := false, false, false
	for _, c := range mesh.Injectors(s) {
		whole = whole || len(c.Webhooks) > 1
		for _, w := range c.Webhooks {
			bundle = bundle || len(w.ClientConfig.CABundle) > 0
			called = called || slices.ContainsFunc(s.Services, func(svc *core.Service) bool {
				ref := w.ClientConfig.Service
				return ref != nil && ref.Namespace == svc.Namespace && ref.Name == svc.Name
			})
		}
	}
	config := slices.ContainsFunc(s.ConfigMaps, func(m *core.ConfigMap) bool { return strings.HasPrefix(m.Name, "istio-sidecar-injector") })
	for name, there := range map[string]bool{
		"injector-webhook-missing":    whole,
		"ca-bundle-empty":             bundle,
		"istiod-injector-not-running": config,
		"istiod-no-endpoints":         len(s.EndpointSlices) > 0,
		"webhook-service-missing":     called,
	} {
		if !there {
			skip = append(skip, name)
		}
	}
	return skip
}
