package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFolderWithOtherFilesIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(precious, nil, 0o644))

	require.EqualError(t, emptyDir(dir), dir+" holds other files: give another --dir")

	require.FileExists(t, precious)
}

func TestTheFolderOfAnEndedSandboxIsMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "sandbox")
	require.NoError(t, emptyDir(dir))
	left := filepath.Join(dir, "etcd")
	require.NoError(t, os.WriteFile(left, nil, 0o644))

	require.NoError(t, emptyDir(dir))

	require.NoFileExists(t, left)
	require.FileExists(t, filepath.Join(dir, marker))
}

func TestACommandWithoutASandboxSaysHowToStartOne(t *testing.T) {
	dir := t.TempDir()
	cmd := newCommand()
	cmd.SetArgs([]string{"--dir", dir, "reset"})
	require.EqualError(t, cmd.ExecuteContext(t.Context()), `no sandbox runs in `+dir+`: start one with "sandbox up"`)
}
