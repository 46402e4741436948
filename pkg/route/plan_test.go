package route

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// planCase is a folder of testdata/plan: what is there, what is wanted.
type planCase struct {
	snapshot *mesh.Snapshot
	intent   Intent
}

// readCase reads a case: intent.yaml names the clusters of testdata/plan-base
// that it is about, and cluster.yaml, where there is one, adds to them.
func readCase(t testing.TB, dir string) planCase {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "intent.yaml"))
	require.NoError(t, err)
	var file struct {
		Base   []string       `json:"base"`
		Groups []string       `json:"groups"`
		Intent map[string]any `json:"intent"`
	}
	require.NoError(t, k8syaml.UnmarshalStrict(raw, &file))
	var paths []string
	for _, b := range file.Base {
		paths = append(paths, filepath.Join("testdata", "plan-base", b+".yaml"))
	}
	own := filepath.Join(dir, "cluster.yaml")
	if _, err := os.Stat(own); err == nil {
		paths = append(paths, own)
	}
	s := snapshotOf(t, paths...)
	s.Time = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s.Facts.APIGroups = file.Groups
	durations(t, file.Intent)
	text, err := k8syaml.Marshal(file.Intent)
	require.NoError(t, err)
	c := planCase{snapshot: s}
	require.NoError(t, k8syaml.UnmarshalStrict(text, &c.intent))
	if c.intent.Namespace == "" {
		c.intent.Namespace = "shop"
	}
	return c
}

// durations turns what people write into what the type holds.
func durations(t testing.TB, m map[string]any) {
	t.Helper()
	for key, v := range m {
		switch v := v.(type) {
		case map[string]any:
			durations(t, v)
		case string:
			if slices.Contains([]string{"delay", "after", "perTry", "connectTimeout", "interval", "baseEjection"}, key) {
				d, err := time.ParseDuration(v)
				require.NoError(t, err)
				m[key] = int64(d)
			}
		}
	}
}

func TestPlans(t *testing.T) {
	cases, err := filepath.Glob("testdata/plan/*/intent.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 45)
	files := &golden.Files{}
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c := readCase(t, dir)
			before := fingerprint(t, c.snapshot)
			plan, err := New(c.snapshot, c.intent)
			assert.Equal(t, before, fingerprint(t, c.snapshot), "the snapshot is not to be changed")
			files.Check(t, filepath.Join(dir, "want.yaml"), planText(t, plan, err))
			if err != nil {
				return
			}
			assertPatches(t, plan)
			assertOrder(t, plan)
			if s := c.intent.Shift; s == nil || s.Adjust == nil {
				assertOnce(t, c, plan)
			}
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/plan/*/want.yaml")
	}
}

// fingerprint is all routing objects of a snapshot, as text.
func fingerprint(t testing.TB, s *mesh.Snapshot) string {
	t.Helper()
	text, err := k8syaml.Marshal(s.Config)
	require.NoError(t, err)
	return string(text)
}

// assertPatches checks that every patch makes the after of the before, and
// names the version that it was made for.
func assertPatches(t *testing.T, p *Plan) {
	t.Helper()
	for _, s := range p.Steps {
		if s.Write != mesh.Patch {
			continue
		}
		got := runtime.DeepCopyJSON(s.Before.Object)
		patchInto(got, runtime.DeepCopyJSON(s.Fields))
		assert.True(t, sameValue(s.After.Object, got), "%s: the patch gives something else", s.Ref)
		meta, _ := s.Fields["metadata"].(map[string]any)
		assert.Equal(t, s.Before.GetResourceVersion(), meta["resourceVersion"])
		assert.NotEmpty(t, strings.TrimSpace(s.Why))
	}
}

// patchInto applies a JSON merge patch (RFC 7386).
func patchInto(into, patch map[string]any) {
	for k, v := range patch {
		inner, is := v.(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case is:
			old, _ := into[k].(map[string]any)
			if old == nil {
				old = map[string]any{}
			}
			patchInto(old, inner)
			into[k] = old
		default:
			into[k] = v
		}
	}
}

func assertOrder(t *testing.T, p *Plan) {
	t.Helper()
	order := []Phase{Make, Move, Clean}
	assert.True(t, slices.IsSortedFunc(p.Steps, func(a, b Step) int { return slices.Index(order, a.Phase) - slices.Index(order, b.Phase) }))
}

// carriedOut is the snapshot after the first steps of a plan.
func carriedOut(s *mesh.Snapshot, steps []Step) *mesh.Snapshot {
	var drafts []*draft
	for _, step := range steps {
		kind, _ := mesh.ForObject(refKind(step.Ref))
		drafts = append(drafts, &draft{kind: kind.Kind, ref: step.Ref, before: step.Before, after: step.After})
	}
	return withDrafts(s, drafts)
}

// assertOnce checks that what is done needs not be done again.
func assertOnce(t *testing.T, c planCase, p *Plan) {
	t.Helper()
	again, err := New(carriedOut(c.snapshot, p.Steps), c.intent)
	require.NoError(t, err)
	if !assert.Empty(t, again.Steps, "the second time there is nothing to do") {
		t.Log(planText(t, again, nil))
	}
	if assert.NotEmpty(t, again.Notes) {
		assert.True(t, strings.HasPrefix(again.Notes[0], "already so"))
	}
}
