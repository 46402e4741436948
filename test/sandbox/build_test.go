package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFailedBuildIsOneLineThatNamesItsLog(t *testing.T) {
	modules := writeModule(t, "")
	require.NoError(t, os.WriteFile(filepath.Join(modules, "kube", "main.go"), []byte("package main\n\nfunc main() { broken }\n"), 0o644))
	dir := t.TempDir()
	var progress bytes.Buffer

	err := compile(t.Context(), modules, dir, binary{name: "broken", module: "kube", pkg: "."}, &progress)

	log := filepath.Join(dir, "build-broken.log")
	require.EqualError(t, err, "building broken failed (exit status 1): see "+log)
	content, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(content), "undefined: broken")
	require.Equal(t, []string{"broken"}, missing(dir, []binary{{name: "broken"}}))
}

func TestABuiltProgramIsNotMissing(t *testing.T) {
	modules := writeModule(t, "")
	require.NoError(t, os.WriteFile(filepath.Join(modules, "kube", "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644))
	dir := t.TempDir()
	b := binary{name: "whole", module: "kube", pkg: "."}
	require.NoError(t, compile(t.Context(), modules, dir, b, &bytes.Buffer{}))
	require.Empty(t, missing(dir, []binary{b}))
}
