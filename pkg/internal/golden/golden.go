// Package golden compares what a test got with a file, rewrites the file when
// UPDATE=1 is set, and finds files that no test compares any more.
package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Files remembers which golden files a test compared, so that it can say at
// the end which ones are left over.
type Files struct {
	used map[string]bool
}

// Updating reports whether golden files are being rewritten.
func Updating() bool { return os.Getenv("UPDATE") == "1" }

// Check fails the test unless the file at path holds got. With UPDATE=1 it
// writes the file instead.
func (f *Files) Check(t *testing.T, path, got string) {
	t.Helper()
	f.use(path)
	if Updating() {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run UPDATE=1 go test, and read what it writes")
	require.Equal(t, string(want), got, "%s differs; if the new text is right, run UPDATE=1 go test", path)
}

// Unused fails the test for every file matching pattern (as filepath.Glob has
// it) that Check was not asked about, and removes it with UPDATE=1.
func (f *Files) Unused(t *testing.T, pattern string) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, path := range found {
		if f.used[filepath.Clean(path)] {
			continue
		}
		if Updating() {
			require.NoError(t, os.Remove(path))
			continue
		}
		t.Errorf("%s is compared by no test; remove it", path)
	}
}

func (f *Files) use(path string) {
	if f.used == nil {
		f.used = map[string]bool{}
	}
	f.used[filepath.Clean(path)] = true
}
