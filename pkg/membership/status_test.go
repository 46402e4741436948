package membership_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func read(t *testing.T, paths ...string) *mesh.Snapshot {
	t.Helper()
	s, problems, err := cluster.ReadFiles(t.Context(), cluster.FileQuery{Paths: paths})
	require.NoError(t, err)
	require.Empty(t, problems)
	return s
}

// TestStatus reads the folders of testdata/status: cluster.yaml, or
// namespaces.yaml beside the mesh of testdata/mesh.yaml, and in want.txt the
// table, the wide one of all namespaces, and the JSON.
func TestStatus(t *testing.T) {
	folders, err := filepath.Glob("testdata/status/*")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	files := &golden.Files{}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			var s *mesh.Snapshot
			if own := filepath.Join(folder, "namespaces.yaml"); exists(own) {
				s = read(t, "testdata/mesh.yaml", own)
			} else {
				s = read(t, filepath.Join(folder, "cluster.yaml"))
			}
			st := membership.Of(s)
			st.Time = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) // files have the time at which they are read
			var out bytes.Buffer
			for _, style := range []printer.Style{{}, {Named: true, Wide: true}} {
				require.NoError(t, printer.Status(&out, st, "table", style))
				out.WriteString("\n")
			}
			require.NoError(t, printer.Status(&out, st, "json", printer.Style{}))
			files.Check(t, filepath.Join(folder, "want.txt"), out.String())
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/status/*/want.txt")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestStatusOfNamedNamespacesHoldsNoOthers(t *testing.T) {
	s := read(t, "testdata/mesh.yaml", "testdata/status/mixed-mesh/namespaces.yaml")
	var names []string
	for _, n := range membership.Of(s, "plain", "shop").Namespaces {
		names = append(names, n.Name)
	}
	assert.Equal(t, []string{"plain", "shop"}, names)
}

func TestStatusReadsWhatItLooksAt(t *testing.T) {
	s := read(t, "testdata/mesh.yaml", "testdata/status/mixed-mesh/namespaces.yaml")
	assert.Equal(t, membership.Of(s), membership.Of(s.Only(membership.Kinds()...)), "Kinds names all that Of needs")
}
