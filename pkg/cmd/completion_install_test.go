package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// program makes a file that stands for the plugin.
func program(t *testing.T, path string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o755))
	return path
}

// installed makes the link, and returns what was said on stdout and stderr.
func installed(t *testing.T, path, dir string) (out, errOut string, err error) {
	t.Helper()
	l, err := newCompletionLink(path, dir)
	if err != nil {
		return "", "", err
	}
	var o, e bytes.Buffer
	err = l.install(genericiooptions.IOStreams{Out: &o, ErrOut: &e})
	return o.String(), e.String(), err
}

func TestTheLinkStandsBesideTheProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	path := program(t, filepath.Join(dir, "kubectl-mesh"))
	link := filepath.Join(dir, "kubectl_complete-mesh")
	out, errOut, err := installed(t, path, "")
	require.NoError(t, err)
	assert.Equal(t, link+" linked to kubectl-mesh\n", out)
	assert.Empty(t, errOut)
	target, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "kubectl-mesh", target)
	out, _, err = installed(t, path, "")
	require.NoError(t, err)
	assert.Equal(t, link+" is there already\n", out)
}

func TestTheLinkGoesWhereItIsWanted(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	t.Setenv("PATH", dir)
	path := program(t, filepath.Join(dir, "kubectl-mesh"))
	link := filepath.Join(other, "kubectl_complete-mesh")
	out, errOut, err := installed(t, path, other)
	require.NoError(t, err)
	assert.Equal(t, link+" linked to "+path+"\n", out)
	assert.Equal(t, "warning: kubectl looks for it in PATH, in which "+other+" is not\n", errOut)
	_, _, err = installed(t, path, filepath.Join(dir, "nowhere"))
	assert.ErrorContains(t, err, "--dir names another folder")
}

func TestKrewsLinkIsWhatIsLinkedTo(t *testing.T) {
	krew := t.TempDir()
	t.Setenv("KREW_ROOT", krew)
	store := program(t, filepath.Join(krew, "store", "mesh", "v0.1.0", "kubectl-mesh"))
	bin := filepath.Join(krew, "bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	require.NoError(t, os.Symlink(store, filepath.Join(bin, "kubectl-mesh")))
	t.Setenv("PATH", bin)
	for _, started := range []string{filepath.Join(bin, "kubectl-mesh"), store} {
		l, err := newCompletionLink(started, "")
		require.NoError(t, err)
		assert.Equal(t, completionLink{
			path: filepath.Join(bin, "kubectl_complete-mesh"), target: "kubectl-mesh", program: filepath.Join(bin, "kubectl-mesh"),
		}, l)
	}
}

func TestWhatIsSomethingElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := program(t, filepath.Join(dir, "kubectl-mesh"))
	link := program(t, filepath.Join(dir, "kubectl_complete-mesh"))
	_, _, err := installed(t, path, "")
	assert.EqualError(t, err, link+" is something else: move it away first")
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink("gone", link))
	_, _, err = installed(t, path, "")
	assert.EqualError(t, err, link+" is something else: move it away first")
	_, _, err = installed(t, program(t, filepath.Join(dir, "mesh")), "")
	assert.EqualError(t, err, "this program was started as mesh, and kubectl only finds plugins whose names begin with kubectl-")
}
