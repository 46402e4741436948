package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func writeModule(t *testing.T, sum string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "kube"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kube", "go.mod"), []byte("module kube\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kube", "go.sum"), []byte(sum), 0o644))
	return dir
}

func TestCacheKeyChangesWithWhatABinaryIsMadeOf(t *testing.T) {
	bins := []binary{{name: "etcd", module: "kube", pkg: "example.com/etcd"}}
	first, err := cacheKey(writeModule(t, "one"), "go1.26 linux amd64", bins)
	require.NoError(t, err)
	require.Len(t, first, 16)

	again, err := cacheKey(writeModule(t, "one"), "go1.26 linux amd64", bins)
	require.NoError(t, err)
	require.Equal(t, first, again, "the same module in another folder")

	otherSum, err := cacheKey(writeModule(t, "two"), "go1.26 linux amd64", bins)
	require.NoError(t, err)
	otherGo, err := cacheKey(writeModule(t, "one"), "go1.27 linux amd64", bins)
	require.NoError(t, err)
	bins[0].ldflags = []string{"a=b"}
	otherFlags, err := cacheKey(writeModule(t, "one"), "go1.26 linux amd64", bins)
	require.NoError(t, err)
	require.Len(t, map[string]bool{first: true, otherSum: true, otherGo: true, otherFlags: true}, 4)
}

func TestModulesHoldEveryBinary(t *testing.T) {
	modules, err := modulesDir()
	require.NoError(t, err)
	for _, b := range binaries() {
		content, err := os.ReadFile(filepath.Join(modules, b.module, "go.mod"))
		require.NoError(t, err)
		require.Contains(t, string(content), b.pkg)
	}
}
