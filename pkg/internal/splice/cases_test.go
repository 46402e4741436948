package splice

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
)

// TestCases edits the in.yaml of every folder in testdata so that it parses to
// the after.yaml beside it. A person who edits the file with care makes
// want.yaml of it.
func TestCases(t *testing.T) {
	var files golden.Files
	dirs, err := filepath.Glob("testdata/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, in := range dirs {
		dir := filepath.Dir(in)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			doc, err := os.ReadFile(in)
			require.NoError(t, err)
			text, err := os.ReadFile(filepath.Join(dir, "after.yaml"))
			require.NoError(t, err)
			after, err := readAny(text)
			require.NoError(t, err)
			got, err := Apply(doc, after)
			require.NoError(t, err)
			files.Check(t, filepath.Join(dir, "want.yaml"), string(got))
			again, err := Apply(got, after)
			require.NoError(t, err)
			require.Equal(t, string(got), string(again), "the second time there is nothing to edit")
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/*/want.yaml")
	}
}
