package cluster

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// FuzzReadFiles: whatever stands in a file gives an error or a snapshot, and a
// snapshot can be saved and read back without loss.
func FuzzReadFiles(f *testing.F) {
	for _, pattern := range []string{"testdata/files/*/in*", "testdata/files/*/in/*", "testdata/reduce/objects.yaml"} {
		seeds, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, s := range seeds {
			if info, err := os.Stat(s); err != nil || info.IsDir() {
				continue
			}
			text, err := os.ReadFile(s)
			require.NoError(f, err)
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := fromBytes(t, text)
		if s == nil {
			return
		}
		once := saved(t, s)
		again := fromBytes(t, []byte(once))
		require.NotNil(t, again, once)
		require.Equal(t, once, saved(t, again))
	})
}

func fromBytes(t *testing.T, text []byte) *mesh.Snapshot {
	s, _, err := ReadFiles(context.Background(), FileQuery{Paths: []string{"-"}, Stdin: bytes.NewReader(text), Now: clock})
	if err != nil {
		require.Nil(t, s)
		return nil
	}
	require.NotNil(t, s)
	return s
}

func FuzzAdmissionMetrics(f *testing.F) {
	text, err := os.ReadFile("testdata/metrics.txt")
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(seriesPlugins + "{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := admissionMetrics(bytes.NewReader(text))
		require.Equal(t, err == nil, m != nil)
	})
}

func FuzzScrub(f *testing.F) {
	f.Add(`{"env":[{"name":"A","value":"x"}],"headers":{"a":["b"]},"token":"t"}`)
	f.Add("proxyMetadata: {A: b}\npassword: x")
	f.Fuzz(func(t *testing.T, text string) {
		once := scrubbedYAML(text)
		require.Equal(t, once, scrubbedYAML(once), "what is scrubbed stays as it is")
		nodeArgs(text)
		overrides(text)
	})
}
