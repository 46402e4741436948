package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// unreduced decodes objects as an API server has them.
func unreduced(t testing.TB, file string) []runtime.Object {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var objs []runtime.Object
	err = split(bytes.NewReader(text), func(d document) error {
		return values(d, func(raw []byte, _ int) error {
			var h head
			require.NoError(t, json.Unmarshal(raw, &h))
			info, ok := mesh.ForObject(h.gvk().GroupKind())
			if !ok {
				return nil
			}
			decode := func() (runtime.Object, error) { return typed(info, h.gvk(), raw) }
			if !info.Typed {
				decode = func() (runtime.Object, error) { return untyped(h.gvk(), raw) }
			}
			o, err := decode()
			require.NoError(t, err)
			objs = append(objs, o)
			return nil
		}, func(line int, _ []byte, err error) { t.Errorf("line %d: %v", line, err) })
	})
	require.NoError(t, err)
	return objs
}

const reduceObjects = "testdata/reduce/objects.yaml"

func saved(t testing.TB, s *mesh.Snapshot) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Save(&b, s))
	return b.String()
}

// same compares snapshots by value; quantities and times have several forms
// of one value.
func same(t *testing.T, want, got *mesh.Snapshot) {
	t.Helper()
	quantity := cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })
	clock := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, got, quantity, clock, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsKept(t *testing.T) {
	s, problems, err := ReadFiles(context.Background(), FileQuery{Paths: []string{reduceObjects}})
	require.NoError(t, err)
	require.Empty(t, problems)
	got := saved(t, s)
	assert.NotContains(t, got, "CANARY")
	golden := "testdata/reduce/want.yaml"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "UPDATE=1 rewrites %s", golden)
}

func TestTheCanaryIsInTheInput(t *testing.T) {
	text, err := os.ReadFile(reduceObjects)
	require.NoError(t, err)
	assert.Greater(t, bytes.Count(text, []byte("CANARY")), 60)
}

func TestLiveAndFilesKeepTheSame(t *testing.T) {
	live := read(t, &fakeAPI{objects: unreduced(t, reduceObjects)}, Query{})
	files, problems, err := ReadFiles(context.Background(), FileQuery{Paths: []string{reduceObjects}})
	require.NoError(t, err)
	require.Empty(t, problems)
	live.Time, live.Source, live.Read, live.Gaps, live.Facts = files.Time, files.Source, files.Read, files.Gaps, files.Facts
	live.Files = true
	same(t, files, live)
}

func TestARecordingIsReadBackAsItWas(t *testing.T) {
	for _, name := range []string{"mesh.yaml", "mesh.yaml.gz"} {
		t.Run(name, func(t *testing.T) {
			f := &fakeAPI{objects: unreduced(t, reduceObjects), answer: forbid(func(k mesh.Kind, ns string) bool {
				return k != mesh.LimitRanges && (k != mesh.StatefulSets || ns == "shop")
			})}
			live := read(t, f, Query{Source: "context test"})
			require.Len(t, live.Gaps, 1)
			file := filepath.Join(t.TempDir(), name)
			require.NoError(t, SaveFile(file, live))
			back, problems, err := ReadFiles(context.Background(), FileQuery{Paths: []string{file}})
			require.NoError(t, err)
			require.Empty(t, problems)
			live.Files = true
			same(t, live, back)
			assert.Equal(t, saved(t, live), saved(t, back))
		})
	}
}

func TestSaveReplacesTheFileOrLeavesIt(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "mesh.yaml")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, SaveFile(file, &mesh.Snapshot{Source: "test"}))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "apiVersion: mesh.kubectl/v1alpha1\nkind: Recording\nsource: test\n", string(text))

	require.Error(t, SaveFile(filepath.Join(folder, "none", "mesh.yaml"), &mesh.Snapshot{}))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, left, 1, "no temporary file stays behind")
}
