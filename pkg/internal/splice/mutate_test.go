package splice

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutate returns v with one random change somewhere in it.
func (m *maker) mutate(v any) any {
	switch t := v.(type) {
	case map[string]any:
		out := maps.Clone(t)
		keys := slices.Sorted(maps.Keys(t))
		switch {
		case len(keys) == 0 || m.oneIn(6):
			out[m.name("new")] = m.value(2).any()
		case m.oneIn(6):
			delete(out, keys[m.IntN(len(keys))])
		case m.oneIn(20):
			return m.value(2).any()
		default:
			k := keys[m.IntN(len(keys))]
			out[k] = m.mutate(t[k])
		}
		return out
	case []any:
		out := slices.Clone(t)
		if len(out) == 0 || m.oneIn(5) {
			return slices.Insert(out, m.IntN(len(out)+1), m.value(2).any())
		}
		i := m.IntN(len(out))
		switch {
		case m.oneIn(5):
			return slices.Delete(out, i, i+1)
		case m.oneIn(5):
			j := m.IntN(len(out))
			out[i], out[j] = out[j], out[i]
		default:
			out[i] = m.mutate(t[i])
		}
		return out
	}
	return m.value(1 + m.IntN(2)).any()
}

// TestMutations changes the documents of all cases at random. There is no
// document among them whose edit needs an error.
func TestMutations(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/*.yaml")
	require.NoError(t, err)
	for _, file := range dirs {
		doc, err := os.ReadFile(file)
		require.NoError(t, err)
		before, err := readAny(doc)
		require.NoError(t, err)
		m := &maker{Rand: rand.New(rand.NewPCG(1, 2))}
		for range 40 {
			after := m.mutate(before)
			for m.oneIn(2) {
				after = m.mutate(after)
			}
			out, err := Apply(doc, after)
			require.NoError(t, err, "%s\n%s", file, pretty(after))
			got, err := readAny(out)
			require.NoError(t, err)
			require.True(t, equal(got, after), "%s\n%s", file, out)
		}
	}
}

func pretty(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestJSONStyle edits JSON that a program has written; it stays as the program
// would write it.
func TestJSONStyle(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewPCG(3, 4))}
	for range 3000 {
		v := m.value(4)
		for v.kind != mapping || len(v.kids) == 0 {
			v = m.value(4)
		}
		compact, err := json.Marshal(v.any())
		require.NoError(t, err)
		after := m.mutate(m.mutate(v.any()))
		for _, unit := range []string{"", "  ", "    ", "\t"} {
			format := func(text []byte) string {
				var out bytes.Buffer
				if unit == "" {
					require.NoError(t, json.Compact(&out, text))
				} else {
					require.NoError(t, json.Indent(&out, text, "", unit))
				}
				return out.String()
			}
			doc := format(compact)
			got, err := Apply([]byte(doc), after)
			require.NoError(t, err)
			require.Equal(t, format(got), string(got), "%s", doc)
		}
	}
}
