package splice

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRefused lists what cannot be edited. The message says why.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		doc   string
		after any
		want  string
	}{
		"a key twice":              {"a: 1\nb: 2\na: 3\n", map[string]any{}, `line 3: the key "a" is there twice`},
		"a key twice in braces":    {`{a: 1, "a": 2}`, map[string]any{}, `the key "a" is there twice`},
		"a key twice in JSON":      {`{"a": 1, "\u0061": 2}`, map[string]any{}, `the key "a" is there twice`},
		"one name for two keys":    {"1: a\n\"1\": b\n", map[string]any{}, `the key "1" is there twice`},
		"indented with tabs":       {"a:\n\tb: c\n", map[string]any{}, "found character that cannot start any token"},
		"broken":                   {"a: [b\nc: d\n", map[string]any{}, "line "},
		"broken JSON":              {`{"a": `, map[string]any{}, "line "},
		"not UTF-8":                {"a: \xff\n", map[string]any{}, "the text is not UTF-8"},
		"zero byte":                {"a: \x00\n", map[string]any{}, "there is a zero byte in the text"},
		"two documents":            {"a: 1\n---\nb: 2\n", map[string]any{"a": "c"}, "more than one document, or text behind its end"},
		"text behind the end":      {"a: 1\n...\nb: 2\n", map[string]any{"a": "c"}, "more than one document, or text behind its end"},
		"an anchor in itself":      {"a: &x\n  b: *x\n", map[string]any{}, `the anchor "x" contains itself`},
		"an anchor that is not":    {"a: *x\n", map[string]any{}, "unknown anchor 'x' referenced"},
		"a map as a key":           {"? {a: b}\n: c\n", map[string]any{}, "a key is not a string"},
		"null as a key":            {"~: c\n", map[string]any{}, "a key is null"},
		"not a number":             {"a: .nan\n", map[string]any{"a": int64(1), "b": ".nan"}, ""},
		"a type that JSON has not": {"a: 1\n", map[string]any{"a": struct{}{}}, "a value of type struct {} has no form in JSON"},
		"infinity":                 {"a: 1\n", []any{math.Inf(1)}, "the number +Inf has no form in JSON"},
		"a string not in UTF-8":    {"a: 1\n", "\xff", "is not UTF-8"},
		"a merge of no map":        {"a: 1\nb:\n  <<: [c]\n", map[string]any{}, "line 3: what << merges is not a map"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Apply([]byte(c.doc), c.after)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "could not be edited in place: ")
			require.ErrorContains(t, err, c.want)
			require.Nil(t, got)
		})
	}
}

// TestTypesOfNumbers lets the same numbers come in every type; none of them is
// a change.
func TestTypesOfNumbers(t *testing.T) {
	doc := []byte("a: 1 # one\nb: 0x10\nc: 1.5\nd: 1e3\n")
	for _, after := range []map[string]any{
		{"a": 1, "b": 16, "c": 1.5, "d": 1000},
		{"a": int64(1), "b": int64(16), "c": 1.5, "d": int64(1000)},
		{"a": 1.0, "b": 16.0, "c": 1.5, "d": 1000.0},
		{"a": jsonNumber(t, "1"), "b": jsonNumber(t, "16"), "c": jsonNumber(t, "1.5"), "d": jsonNumber(t, "1e3")},
	} {
		got, err := Apply(doc, after)
		require.NoError(t, err)
		require.Equal(t, string(doc), string(got))
	}
}

func jsonNumber(t *testing.T, s string) any {
	t.Helper()
	v, err := readJSON([]byte(s))
	require.NoError(t, err)
	return v
}

// TestInputIsLeftAlone holds Apply to what it says of its arguments.
func TestInputIsLeftAlone(t *testing.T) {
	doc := []byte("a: 1\nb: [x]\n")
	after := map[string]any{"b": []any{"x", "z"}}
	got, err := Apply(doc, after)
	require.NoError(t, err)
	require.Equal(t, "b: [x, z]\n", string(got))
	got[0] = '!'
	require.Equal(t, "a: 1\nb: [x]\n", string(doc))
	require.Equal(t, map[string]any{"b": []any{"x", "z"}}, after)
	same, err := Apply(doc, map[string]any{"a": 1, "b": []any{"x"}})
	require.NoError(t, err)
	same[0] = '!'
	require.Equal(t, "a: 1\nb: [x]\n", string(doc))
}

// TestNothing edits documents without a value.
func TestNothing(t *testing.T) {
	for _, doc := range []string{"", "\n", "# c", "# c\n\n", "---\n", "null\n", "~ # c\n"} {
		got, err := Apply([]byte(doc), nil)
		require.NoError(t, err)
		require.Equal(t, doc, string(got))
	}
	_, err := Apply(nil, nil)
	require.NoError(t, err)
	for doc, want := range map[string]string{
		"":            "a: b\n",
		"\n":          "\na: b\n",
		"# c":         "# c\na: b\n",
		"# c\r\n\r\n": "# c\r\n\r\na: b\r\n",
		"---\n":       "---\na: b\n",
		"null\n":      "a: b\n",
		"~ # c\n":     "a: b\n",
	} {
		got, err := Apply([]byte(doc), map[string]any{"a": "b"})
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

// TestLarge edits documents that would take minutes if the time grew with the
// square of their size.
func TestLarge(t *testing.T) {
	var list, flow, keys strings.Builder
	var items []any
	entries := map[string]any{}
	for i := range 20000 {
		n := strconv.Itoa(i)
		list.WriteString("- name: n" + n + " # " + n + "\n  v: x\n")
		flow.WriteString("v" + n + ", ")
		keys.WriteString("k" + n + ": v\n")
		if i%3 != 0 {
			items = append(items, map[string]any{"name": "n" + n, "v": "z"})
			entries["k"+n] = "w"
		}
		if i%5 == 0 {
			items = append(items, map[string]any{"name": "new" + n})
			entries["new"+n] = "w"
		}
	}
	got, err := Apply([]byte(list.String()), items)
	require.NoError(t, err)
	require.Contains(t, string(got), "- name: n19999 # 19999\n  v: z\n")
	got, err = Apply([]byte(keys.String()), entries)
	require.NoError(t, err)
	require.Contains(t, string(got), "\nk19999: w\n")
	got, err = Apply([]byte("a: ["+flow.String()+"]\n"), map[string]any{"a": []any{"v0", "v19999"}})
	require.NoError(t, err)
	require.Equal(t, "a: [v0, v19999,]\n", strings.ReplaceAll(string(got), ", ]", ",]"))
	deep := strings.Repeat("[", 3000) + strings.Repeat("]", 3000)
	_, err = Apply([]byte("a: "+deep+"\n"), map[string]any{"a": []any{"b"}})
	require.NoError(t, err)
}
