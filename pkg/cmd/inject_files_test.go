package cmd

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree writes files, by their names, and returns what it takes to edit them.
func tree(t *testing.T, files map[string]string) (folder string, change func(name, after string) edited) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return folder, func(name, after string) edited {
		path := filepath.Join(folder, name)
		return edited{input: input{name: path, file: path, text: []byte(files[name])}, after: whole([]byte(after))}
	}
}

// contents are the files of a folder and what is in them.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[name] = string(text)
		return err
	}))
	return all
}

// interruptedAfter is a context that ends after it was asked a few times.
type interruptedAfter struct {
	context.Context
	left *int
}

func (c interruptedAfter) Err() error {
	*c.left--
	if *c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestChangedFilesAreWrittenBackWithTheirModes(t *testing.T) {
	folder, change := tree(t, map[string]string{"a.yaml": "a", "sub/b.yaml": "b", "c.yaml": "c"})
	require.NoError(t, os.Chmod(filepath.Join(folder, "a.yaml"), 0o640))
	before, err := os.Stat(filepath.Join(folder, "c.yaml"))
	require.NoError(t, err)

	require.NoError(t, writeBack(t.Context(), []edited{change("a.yaml", "A"), change("sub/b.yaml", "B"), change("c.yaml", "c")}))

	assert.Equal(t, map[string]string{"a.yaml": "A", "sub/b.yaml": "B", "c.yaml": "c"}, contents(t, folder))
	info, err := os.Stat(filepath.Join(folder, "a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode())
	after, err := os.Stat(filepath.Join(folder, "c.yaml"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "a file that does not change is not written")
}

func TestALinkStaysALinkToTheChangedFile(t *testing.T) {
	folder, change := tree(t, map[string]string{"real/a.yaml": "a"})
	link := filepath.Join(folder, "a.yaml")
	require.NoError(t, os.Symlink("real/a.yaml", link))
	e := change("real/a.yaml", "A")
	e.file = link

	require.NoError(t, writeBack(t.Context(), []edited{e}))

	to, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "real/a.yaml", to)
	assert.Equal(t, map[string]string{"real/a.yaml": "A"}, contents(t, folder))
}

func TestNoFileIsChangedWhereOneCannotBe(t *testing.T) {
	// Long enough that the next content fits beside the file, and the name
	// under which the last one is kept does not.
	long := strings.Repeat("x", 238) + ".yaml"
	files := map[string]string{"a.yaml": "a", "b.yaml": "b", long: "l"}
	for name, c := range map[string]struct {
		results func(change func(name, after string) edited) []edited
		ctx     func(t *testing.T) context.Context
		want    string
	}{
		"a file is gone": {
			results: func(change func(string, string) edited) []edited {
				return []edited{change("a.yaml", "A"), change("gone/b.yaml", "B")}
			},
			want: "no such file or directory; no file was changed",
		},
		"the third cannot take its place": {
			results: func(change func(string, string) edited) []edited {
				return []edited{change("a.yaml", "A"), change("b.yaml", "B"), change(long, "L")}
			},
			want: "file name too long; no file was changed",
		},
		"the same file twice, then one that cannot be": {
			results: func(change func(string, string) edited) []edited {
				return []edited{change("a.yaml", "A"), change("a.yaml", "AA"), change(long, "L")}
			},
			want: "file name too long; no file was changed",
		},
		"Ctrl-C between two files": {
			results: func(change func(string, string) edited) []edited {
				return []edited{change("a.yaml", "A"), change("b.yaml", "B")}
			},
			ctx: func(t *testing.T) context.Context {
				left := 1
				return interruptedAfter{t.Context(), &left}
			},
			want: "context canceled; no file was changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder, change := tree(t, files)
			ctx := t.Context()
			if c.ctx != nil {
				ctx = c.ctx(t)
			}
			assert.ErrorContains(t, writeBack(ctx, c.results(change)), c.want)
			assert.Equal(t, files, contents(t, folder), "and nothing is left beside them")
		})
	}
}

func TestNoFileIsChangedWhereAFolderCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	files := map[string]string{"a.yaml": "a", "locked/b.yaml": "b"}
	folder, change := tree(t, files)
	locked := filepath.Join(folder, "locked")
	require.NoError(t, os.Chmod(locked, 0o555))
	t.Cleanup(func() { assert.NoError(t, os.Chmod(locked, 0o755)) })

	err := writeBack(t.Context(), []edited{change("a.yaml", "A"), change("locked/b.yaml", "B")})

	assert.ErrorContains(t, err, "permission denied; no file was changed")
	assert.Equal(t, files, contents(t, folder))
}
