package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	yamlv2 "go.yaml.in/yaml/v2"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
)

// The manifests of testdata/manifests, injected: they parse to what was
// injected, keep all lines but those in NAME.changed, stay as they are when
// injected again, and come back when the sidecar is taken out, but for the
// lines in NAME.uninject. A file without such a golden file loses nothing.
func TestManifestsKeepTheirText(t *testing.T) {
	var files golden.Files
	e := builtin(t)
	inject := func(obj map[string]any) (map[string]any, []Outcome, error) { return e.Object(obj, "shop") }
	for _, file := range manifests(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			before, err := os.ReadFile(file)
			require.NoError(t, err)
			after, outcomes, err := EditText(before, inject)
			require.NoError(t, err)

			want := parsed(t, file, before)
			for i := range want {
				want[i] = wanted(t, want[i], inject)
			}
			require.Empty(t, cmp.Diff(want, parsed(t, file, after)))
			require.Equal(t, injectedText(outcomes), string(before) != string(after))

			check(t, &files, file+".changed", difference(before, after, false))

			again, _, err := EditText(after, inject)
			require.NoError(t, err)
			require.Equal(t, string(after), string(again), "injected again")

			back, _, err := EditText(after, takeOut)
			require.NoError(t, err)
			check(t, &files, file+".uninject", difference(before, back, true))
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/manifests/*.changed")
		files.Unused(t, "testdata/manifests/*.uninject")
	}
}

// What makes no pods, and what is not to be injected, keeps its bytes though
// it stands beside what is injected.
func TestDocumentsWithoutPodsKeepTheirBytes(t *testing.T) {
	e := builtin(t)
	documents := 0
	for _, file := range manifests(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var bare [][]byte
			after, _, err := EditText(text, func(obj map[string]any) (map[string]any, []Outcome, error) { return e.Object(obj, "shop") })
			require.NoError(t, err)
			for _, part := range cut(text) {
				if _, outcomes, err := EditText(part.text, func(obj map[string]any) (map[string]any, []Outcome, error) { return e.Object(obj, "shop") }); part.holds && err == nil && !altered(outcomes) {
					bare = append(bare, part.text)
				}
			}
			rest := after
			for _, text := range bare {
				_, found, ok := bytes.Cut(rest, text)
				require.True(t, ok, "%s\n\nis not in\n\n%s", text, rest)
				rest = found
				documents++
			}
		})
	}
	require.Greater(t, documents, 10)
}

func manifests(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.yaml", "*.json"} {
		found, err := filepath.Glob(filepath.Join("testdata/manifests", pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.NotEmpty(t, files)
	return files
}

func takeOut(obj map[string]any) (map[string]any, []Outcome, error) {
	after, outcomes := Uninject(obj, "shop")
	return after, outcomes, nil
}

func injectedText(outcomes []Outcome) bool {
	for _, o := range outcomes {
		if o.Status == Injected {
			return true
		}
	}
	return false
}

// check compares a text with a golden file, which is not there for an empty
// one.
func check(t *testing.T, files *golden.Files, path, got string) {
	t.Helper()
	if _, err := os.Stat(path); got != "" || err == nil && !golden.Updating() {
		files.Check(t, path, got)
	}
}

// parsed is a file's objects, read without our way to cut it into documents.
func parsed(t *testing.T, file string, text []byte) []any {
	t.Helper()
	all := []any{}
	if filepath.Ext(file) == ".json" {
		for dec := json.NewDecoder(bytes.NewReader(text)); ; {
			var raw json.RawMessage
			err := dec.Decode(&raw)
			if errors.Is(err, io.EOF) {
				return all
			}
			require.NoError(t, err)
			all = append(all, value(t, raw))
		}
	}
	for dec := yamlv2.NewDecoder(bytes.NewReader(text)); ; {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err, "%s", text)
		one, err := yamlv2.Marshal(v)
		require.NoError(t, err)
		raw, err := yaml.YAMLToJSON(one)
		require.NoError(t, err)
		all = append(all, value(t, raw))
	}
}

func value(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	require.NoError(t, utiljson.Unmarshal(raw, &v))
	return v
}

// wanted is an object as injected, or the items of a List.
func wanted(t *testing.T, v any, edit Edit) any {
	t.Helper()
	obj, ok := v.(map[string]any)
	if !ok {
		return v
	}
	items, ok := obj["items"].([]any)
	if !ok {
		after, _, err := edit(obj)
		require.NoError(t, err)
		return after
	}
	obj = maps.Clone(obj)
	var next []any
	for _, item := range items {
		item := item.(map[string]any)
		if item["kind"] != nil {
			next = append(next, wanted(t, item, edit))
			continue
		}
		item = maps.Clone(item)
		item["apiVersion"], item["kind"] = obj["apiVersion"], strings.TrimSuffix(obj["kind"].(string), "List")
		after := maps.Clone(wanted(t, item, edit).(map[string]any))
		delete(after, "apiVersion")
		delete(after, "kind")
		next = append(next, after)
	}
	obj["items"] = next
	return obj
}

// difference is the lines that a text lost ("- ") and, if both, that it got
// ("+ "), each with its number, by their longest common subsequence.
func difference(before, after []byte, both bool) string {
	a, b := lines(before), lines(after)
	length := make([][]int, len(a)+1)
	length[len(a)] = make([]int, len(b)+1)
	for i := len(a) - 1; i >= 0; i-- {
		length[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0; j-- {
			if length[i][j] = max(length[i+1][j], length[i][j+1]); a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			}
		}
	}
	var out strings.Builder
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || length[i+1][j] >= length[i][j+1]):
			fmt.Fprintf(&out, "%d- %s\n", i+1, shown(a[i]))
			i++
		default:
			if both {
				fmt.Fprintf(&out, "%d+ %s\n", j+1, shown(b[j]))
			}
			j++
		}
	}
	return out.String()
}

func lines(text []byte) []string {
	all := strings.SplitAfter(string(text), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// shown is a line without its end, or with what is odd about that.
func shown(line string) string {
	whole, ended := strings.CutSuffix(line, "\n")
	if !ended {
		whole += "(no newline)"
	}
	return strings.ReplaceAll(whole, "\r", "(CR)")
}
