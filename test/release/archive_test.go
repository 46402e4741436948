package release_test

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/test/release"
)

// repository makes a folder with every file that archives hold.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"LICENSE", "NOTICE", "README.md", "plugins.yaml", "dist/THIRD_PARTY_LICENSES.txt",
		"dist/completions/_kubectl-mesh", "dist/man/kubectl-mesh.1", "program",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(name), 0o600))
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "program"), filepath.Join(dir, "kubectl-mesh")))
	return dir
}

// inArchives is what the archive of the folder above holds: names, modes, texts.
func inArchives() map[string]string {
	return map[string]string{
		"kubectl-mesh": "0755 program", "LICENSE": "0644 LICENSE", "NOTICE": "0644 NOTICE", "README.md": "0644 README.md",
		"plugins.yaml": "0644 plugins.yaml", "THIRD_PARTY_LICENSES.txt": "0644 dist/THIRD_PARTY_LICENSES.txt",
		"completions/_kubectl-mesh": "0644 dist/completions/_kubectl-mesh", "man/kubectl-mesh.1": "0644 dist/man/kubectl-mesh.1",
	}
}

func modeName(m os.FileMode) string {
	if m.Perm() == 0o755 {
		return "0755 "
	}
	if m.Perm() == 0o644 {
		return "0644 "
	}
	return m.String() + " "
}

func TestArchivesHoldTheProgramAndItsLicences(t *testing.T) {
	c, dir := load(t), repository(t)
	at := time.Unix(1_700_000_000, 0).UTC()
	program := filepath.Join(dir, "kubectl-mesh")

	archive, err := c.Pack(dir, t.TempDir(), tag, program, release.Platform{OS: "linux", Arch: "amd64"}, at)
	require.NoError(t, err)
	assert.Equal(t, inArchives(), readTar(t, archive))

	archive, err = c.Pack(dir, t.TempDir(), tag, program, release.Platform{OS: "windows", Arch: "amd64"}, at)
	require.NoError(t, err)
	assert.Equal(t, inArchives(), readZip(t, archive))
}

func TestTheSameFilesMakeTheSameArchive(t *testing.T) {
	c, dir := load(t), repository(t)
	at := time.Unix(1_700_000_000, 0).UTC()
	for _, system := range []string{"linux", "windows"} {
		var sums []string
		for range 2 {
			archive, err := c.Pack(dir, t.TempDir(), tag, filepath.Join(dir, "kubectl-mesh"), release.Platform{OS: system, Arch: "amd64"}, at)
			require.NoError(t, err)
			sum, err := release.Sum(archive)
			require.NoError(t, err)
			sums = append(sums, sum)
			later := time.Now().Add(time.Hour) // a file's own time is not in the archive
			require.NoError(t, os.Chtimes(filepath.Join(dir, "LICENSE"), later, later))
		}
		assert.Equal(t, sums[0], sums[1], system)
	}
}

func TestArchiveIsPackedAnewWhenSomethingInItChanged(t *testing.T) {
	c, dir, out := load(t), repository(t), t.TempDir()
	pack := func() map[string]string {
		archive, err := c.Pack(dir, out, tag, filepath.Join(dir, "kubectl-mesh"), release.Platform{OS: "linux", Arch: "amd64"}, time.Unix(1, 0))
		require.NoError(t, err)
		return readTar(t, archive)
	}
	pack()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "NOTICE"), []byte("another"), 0o644))
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "NOTICE"), later, later))
	assert.Equal(t, "0644 another", pack()["NOTICE"])
}

func TestArchiveWithoutALicenceIsNotMade(t *testing.T) {
	c, dir, out := load(t), repository(t), t.TempDir()
	require.NoError(t, os.Remove(filepath.Join(dir, "LICENSE")))
	_, err := c.Pack(dir, out, tag, filepath.Join(dir, "kubectl-mesh"), release.Platform{OS: "linux", Arch: "amd64"}, time.Unix(1, 0))
	require.ErrorContains(t, err, "LICENSE: there is no such file")
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func readTar(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	got := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		got[h.Name] = modeName(h.FileInfo().Mode()) + string(text)
	}
}

func readZip(t *testing.T, file string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer z.Close()
	got := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		got[f.Name] = modeName(f.Mode()) + string(text)
	}
	return got
}
