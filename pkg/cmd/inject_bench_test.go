package cmd

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/test/bench/deployments"
)

// BenchmarkInject runs the whole command on a file with many workloads.
func BenchmarkInject(b *testing.B) {
	folder := b.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(b, os.WriteFile(path, text, 0o600))
		return path
	}
	s, err := inject.Builtin(inject.BuiltinOptions{})
	require.NoError(b, err)
	args := []string{
		"kubectl-mesh", "inject", "-f", file("large.yaml", deployments.Text(200)), "--report", "none",
		"--inject-config-file", file("config.yaml", []byte(s.Config)),
		"--mesh-config-file", file("mesh.yaml", []byte(s.MeshConfig)),
		"--values-file", file("values.yaml", []byte(s.Values)),
	}
	b.ReportAllocs()
	for b.Loop() {
		var errOut bytes.Buffer
		if code := Main(args, genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: io.Discard, ErrOut: &errOut}); code != 0 {
			b.Fatal(errOut.String())
		}
	}
}
