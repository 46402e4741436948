package splice

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// changed is before after a merge patch, or after a random change that depends
// on patch where that is not JSON.
func changed(before any, patch string) any {
	if p, err := readJSON([]byte(patch)); err == nil {
		return patched(before, p)
	}
	h := fnv.New64()
	h.Write([]byte(patch))
	m := &maker{Rand: rand.New(rand.NewPCG(h.Sum64(), 1))}
	for m.oneIn(2) {
		before = m.mutate(before)
	}
	return m.mutate(before)
}

// patched is doc after a JSON merge patch (RFC 7396).
func patched(doc, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if d, ok := doc.(map[string]any); ok {
		for k, v := range d {
			out[k] = v
		}
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = patched(out[k], v)
	}
	return out
}

func FuzzApply(f *testing.F) {
	dirs, err := filepath.Glob("testdata/*/in.yaml")
	require.NoError(f, err)
	patches := []string{
		`{}`,
		`{"spec": {"template": {"metadata": {"annotations": {"a": "yes"}}}}}`,
		`{"metadata": null, "spec": {"template": {"spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]}}}}`,
		`[1, "a", {"b": null}]`,
		`{"a": {"b": "x\ny\n"}, "b": null}`,
		"\"\x7f\"", "one", "two", "three", "four",
	}
	for i, in := range dirs {
		doc, err := os.ReadFile(in)
		require.NoError(f, err)
		f.Add(doc, patches[i%len(patches)])
	}
	for _, doc := range []string{
		"", "a", "- a", "a: b", "a:\n- b: c\n  d: e", "{a: b}", "{\"a\": [1, 2]}", "a: &x b\nb: *x", "a: |\n  b\n\nc: >-\n  d\n",
		"? a\n: b", "- - a\n  - b", "a: &x {b: c}\nd:\n  <<: *x\n  e: f\n", "a: 'b\n  c'\nd: \"e\\\n  f\"\n", "# c\n", "a: !!str 1\n", " 0", "! 0", "0\r\t", "\ufeffa: b", "{\"a\": \"\x7f\"}",
	} {
		for _, p := range patches {
			f.Add([]byte(doc), p)
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte, patch string) {
		before, err := readAny(doc)
		if err != nil {
			_, _ = Apply(doc, map[string]any{"a": "b"})
			return
		}
		same, err := Apply(doc, before)
		if err != nil {
			return
		}
		require.Equal(t, string(doc), string(same), "nothing differs")
		after := changed(before, patch)
		got, err := Apply(doc, after)
		if err != nil {
			t.Fatalf("%q to %v: %v", doc, after, err)
		}
		value, err := readAny(got)
		require.NoError(t, err)
		require.True(t, equal(value, after), "%s", got)
	})
}

// readAny parses a document as Kubernetes would.
func readAny(doc []byte) (any, error) {
	if isJSON(doc) {
		return readJSON(doc)
	}
	if strings.Contains(string(doc), "\x00") {
		return nil, os.ErrInvalid
	}
	return read(doc)
}
