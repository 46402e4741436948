package cluster

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// TestFiles reads each folder of testdata/files: what is named in (a file or a
// folder) must give what want.txt says. UPDATE=1 rewrites want.txt.
func TestFiles(t *testing.T) {
	cases, err := filepath.Glob("testdata/files/*")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			in, err := filepath.Glob(filepath.Join(dir, "in*"))
			require.NoError(t, err)
			require.NotEmpty(t, in)
			s, problems, err := ReadFiles(context.Background(), FileQuery{Paths: in, Now: clock})
			got := strings.ReplaceAll(describe(s, problems, err), dir+"/", "")
			golden := filepath.Join(dir, "want.txt")
			if os.Getenv("UPDATE") != "" {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got, "UPDATE=1 rewrites %s", golden)
		})
	}
}

func clock() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }

// describe is a snapshot for people.
func describe(s *mesh.Snapshot, problems []error, err error) string {
	if err != nil {
		return fmt.Sprintln("error:", err)
	}
	var b strings.Builder
	fmt.Fprintln(&b, "source:", s.Source)
	fmt.Fprintln(&b, "time:", s.Time.Format(time.RFC3339))
	for _, p := range problems {
		fmt.Fprintln(&b, "problem:", p)
	}
	for _, i := range mesh.Kinds() {
		for _, o := range s.Objects(i.Kind) {
			m, _ := meta.Accessor(o)
			fmt.Fprintf(&b, "object: %s %s/%s %v\n", i.Kind, m.GetNamespace(), m.GetName(), m.GetLabels())
		}
	}
	for _, e := range s.Read {
		fmt.Fprintf(&b, "read: %s %s\n", e.Kind, e.Namespace)
	}
	absent := 0
	for _, g := range s.Gaps {
		if g.Reason == "not in the files" {
			absent++
			continue
		}
		fmt.Fprintln(&b, "gap:", g)
	}
	fmt.Fprintln(&b, "kinds not in the files:", absent)
	return b.String()
}

func TestStandardInput(t *testing.T) {
	text := "{apiVersion: v1, kind: Pod, metadata: {name: web}}"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, in := range map[string][]byte{"plain": []byte(text), "packed": packed.Bytes()} {
		t.Run(name, func(t *testing.T) {
			s, problems, err := ReadFiles(context.Background(), FileQuery{Paths: []string{"-"}, Stdin: bytes.NewReader(in), Namespace: "shop", Now: clock})
			require.NoError(t, err)
			require.Empty(t, problems)
			assert.Equal(t, []string{"shop/web"}, names(s, mesh.Pods))
			assert.True(t, s.Files)
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.gz")
	require.NoError(t, os.WriteFile(broken, []byte{0x1f, 0x8b, 1, 2, 3}, 0o600))
	empty := t.TempDir()
	for name, c := range map[string]struct{ path, want string }{
		"a file that is not there":  {filepath.Join(folder, "none.yaml"), "does not exist"},
		"a broken archive":          {broken, "broken.gz: "},
		"a folder without anything": {empty, "holds no *.yaml"},
		"no standard input":         {"-", "there is no standard input"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, err := ReadFiles(context.Background(), FileQuery{Paths: []string{c.path}})
			assert.Nil(t, s)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zeros.gz")
	f, err := os.Create(file)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = z.Write(bytes.Repeat([]byte("# nothing\n"), 1000))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	_, _, err = readFiles(context.Background(), FileQuery{Paths: []string{file}}, 9000)
	require.ErrorIs(t, err, errTooLarge)
	_, _, err = readFiles(context.Background(), FileQuery{Paths: []string{file}}, 11000)
	assert.NoError(t, err)
}

func TestReadingFilesEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err := ReadFiles(ctx, FileQuery{Paths: []string{reduceObjects}})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestLinksInAFolderAreFollowed(t *testing.T) {
	folder, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.WriteFile(elsewhere, []byte("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"), 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(folder, "a.yaml")))
	s, problems, err := ReadFiles(context.Background(), FileQuery{Paths: []string{folder}, Now: clock})
	require.NoError(t, err)
	require.Empty(t, problems)
	assert.Equal(t, []string{"/shop"}, names(s, mesh.Namespaces))
}
