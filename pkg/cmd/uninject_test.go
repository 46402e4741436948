package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUninjectTakesOutWhatInjectPutIn(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	code, injected, _ := kubectlMesh(t, webManifest, "inject", "-f", "-", "--from", "builtin")
	require.Equal(t, exitDone, code)
	require.Contains(t, injected, "sidecar.istio.io/status")

	code, out, errOut := kubectlMesh(t, injected, "uninject", "-f", "-")
	assert.Equal(t, exitDone, code)
	assert.Equal(t, webManifest, out)
	assert.Contains(t, errOut, "deployment/web: sidecar taken out\n")

	code, out, errOut = kubectlMesh(t, webManifest, "uninject", "-f", "-")
	assert.Equal(t, exitDone, code)
	assert.Equal(t, webManifest, out)
	assert.Equal(t, "deployment/web: skipped: not-injected: nothing was injected into it\n", errOut)

	file := filepath.Join(t.TempDir(), "web.yaml")
	require.NoError(t, os.WriteFile(file, []byte(injected), 0o600))
	code, out, _ = kubectlMesh(t, "", "uninject", "-f", file, "--in-place")
	assert.Equal(t, exitDone, code)
	assert.Empty(t, out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, webManifest, string(text))
}

func TestUninjectHasNoFlagsOfInjection(t *testing.T) {
	for _, flag := range []string{"--from", "--revision", "--check", "--compare", "--respect-cluster", "--set"} {
		code, out, errOut := kubectlMesh(t, "", "uninject", "-f", "x.yaml", flag)
		assert.Equal(t, exitFailed, code, flag)
		assert.Empty(t, out)
		assert.Contains(t, errOut, "error: unknown flag: "+flag)
	}
}
