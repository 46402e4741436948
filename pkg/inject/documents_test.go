package inject

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mark is an edit that any object of kind Edit gets, and that tells which it
// was called for.
func mark(obj map[string]any) (map[string]any, []Outcome, error) {
	if text(obj["kind"]) != "Edit" {
		return obj, nil, nil
	}
	if text(obj["fail"]) != "" {
		return nil, nil, errors.New(text(obj["fail"]))
	}
	after := cloned(obj)
	after["done"] = true
	return after, []Outcome{{Path: text(obj["name"]), Status: Injected, Revision: text(obj["apiVersion"])}}, nil
}

func TestEditTextOfManyDocuments(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
		of   []string // the names of what was edited, in order
	}{
		"nothing":                       {"", "", nil},
		"white space":                   {" \n\n", " \n\n", nil},
		"comments only":                 {"# a\n---\n# b\n", "# a\n---\n# b\n", nil},
		"one":                           {"kind: Edit\nname: a\n", "kind: Edit\nname: a\ndone: true\n", []string{"a"}},
		"one without a line end":        {"kind: Edit\nname: a", "kind: Edit\nname: a\ndone: true", []string{"a"}},
		"one of another kind":           {"kind:   Other\n", "kind:   Other\n", nil},
		"a mark before":                 {"---\nkind: Edit\n", "---\nkind: Edit\ndone: true\n", []string{""}},
		"a mark after":                  {"kind: Edit\n---\n", "kind: Edit\ndone: true\n---\n", []string{""}},
		"two":                           {"kind: Edit\nname: a\n---\nkind: Edit\nname: b\n", "kind: Edit\nname: a\ndone: true\n---\nkind: Edit\nname: b\ndone: true\n", []string{"a", "b"}},
		"marks with comments":           {"--- # first\nkind: Edit\n---\t# second\nkind: Other\n", "--- # first\nkind: Edit\ndone: true\n---\t# second\nkind: Other\n", []string{""}},
		"a document on its mark":        {"--- {kind: Edit, name: a}\n--- {kind: Other}\n", "--- {kind: Edit, name: a, done: true}\n--- {kind: Other}\n", []string{"a"}},
		"empty ones between":            {"---\n---\n\n---\nkind: Edit\n---\n---\n", "---\n---\n\n---\nkind: Edit\ndone: true\n---\n---\n", []string{""}},
		"CRLF":                          {"kind: Edit\r\n---\r\nkind: Edit\r\n", "kind: Edit\r\ndone: true\r\n---\r\nkind: Edit\r\ndone: true\r\n", []string{"", ""}},
		"a byte order mark":             {"\ufeffkind: Edit\n", "\ufeffkind: Edit\ndone: true\n", []string{""}},
		"directives and end marks":      {"%YAML 1.1\n---\nkind: Edit\n...\n# between\n---\nkind: Other\n...\n", "%YAML 1.1\n---\nkind: Edit\ndone: true\n...\n# between\n---\nkind: Other\n...\n", []string{""}},
		"an end mark and no begin mark": {"kind: Other\n...\nkind: Edit\n... # end\n", "kind: Other\n...\nkind: Edit\ndone: true\n... # end\n", []string{""}},
		"keys beside a merged map":      {"kind: Other\na: &a {x: 1}\nb: {<<: *a, x: 2}\n", "kind: Other\na: &a {x: 1}\nb: {<<: *a, x: 2}\n", nil},
		"a mark in a block scalar":      {"kind: Edit\ntext: |\n  a\n  ---\n  b\n", "kind: Edit\ntext: |\n  a\n  ---\n  b\ndone: true\n", []string{""}},
		"what only looks like marks":    {"kind: Other\ntext: a\n----: b\n---c: d\n", "kind: Other\ntext: a\n----: b\n---c: d\n", nil},
		"no objects":                    {"- kind: Edit\n---\njust text\n---\n7\n---\nnull\n", "- kind: Edit\n---\njust text\n---\n7\n---\nnull\n", nil},
		"an empty object":               {"{}\n", "{}\n", nil},

		"JSON":                       {`{"kind":"Edit"}`, `{"kind":"Edit","done":true}`, []string{""}},
		"a stream of JSON":           {"\n{\"kind\":\"Edit\",\"name\":\"a\"}\n\n{\"kind\":\"Other\"} {\"kind\":\"Edit\",\"name\":\"b\"}\n", "\n{\"kind\":\"Edit\",\"name\":\"a\",\"done\":true}\n\n{\"kind\":\"Other\"} {\"kind\":\"Edit\",\"name\":\"b\",\"done\":true}\n", []string{"a", "b"}},
		"JSON without space between": {`{"kind":"Edit"}{"kind":"Edit"}`, `{"kind":"Edit","done":true}{"kind":"Edit","done":true}`, []string{"", ""}},
		"JSON between YAML's marks":  {"{\"kind\": \"Edit\"}\n---\n{\"kind\": \"Edit\"}\n", "{\"kind\": \"Edit\", \"done\": true}\n---\n{\"kind\": \"Edit\", \"done\": true}\n", []string{"", ""}},
		"YAML in braces":             {"{kind: Edit} # one\n---\n{kind: Edit}\n", "{kind: Edit, done: true} # one\n---\n{kind: Edit, done: true}\n", []string{"", ""}},
		"a list in JSON":             {`[{"kind":"Edit"}]`, `[{"kind":"Edit"}]`, nil},

		"a List":                      {"kind: List\nitems:\n- kind: Edit\n  name: a\n- kind: Other\n- kind: Edit\n  name: b\n", "kind: List\nitems:\n- kind: Edit\n  name: a\n  done: true\n- kind: Other\n- kind: Edit\n  name: b\n  done: true\n", []string{"a", "b"}},
		"a List in a List":            {"kind: List\nitems:\n- kind: List\n  items:\n  - kind: Edit\n    name: a\n- kind: Edit\n  name: b\n", "kind: List\nitems:\n- kind: List\n  items:\n  - kind: Edit\n    name: a\n    done: true\n- kind: Edit\n  name: b\n  done: true\n", []string{"a", "b"}},
		"a List without changes":      {"kind: List\nitems: [ {kind: Other} ]\n", "kind: List\nitems: [ {kind: Other} ]\n", nil},
		"a List without items":        {"kind: List\nitems: []\n", "kind: List\nitems: []\n", nil},
		"a List of odd items":         {"kind: List\nitems:\n- kind: Edit\n- 7\n- [a]\n-\n", "kind: List\nitems:\n- kind: Edit\n  done: true\n- 7\n- [a]\n-\n", []string{""}},
		"a List whose items are none": {"kind: EditList\nitems: {a: b}\n", "kind: EditList\nitems: {a: b}\n", nil},
		"items of what is no List":    {"kind: Edit\nitems:\n- kind: Edit\n", "kind: Edit\nitems:\n- kind: Edit\ndone: true\n", []string{""}},
		"a typed List":                {"kind: EditList\nitems:\n- name: a\n- name: b\n  kind: Other\n", "kind: EditList\nitems:\n- name: a\n  done: true\n- name: b\n  kind: Other\n", []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, outcomes, err := EditText([]byte(c.text), mark)
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
			var of []string
			for _, o := range outcomes {
				of = append(of, o.Path)
			}
			require.Equal(t, c.of, of)
		})
	}
}

func TestItemsOfATypedListHaveItsVersion(t *testing.T) {
	_, outcomes, err := EditText([]byte("apiVersion: apps/v1\nkind: EditList\nitems:\n- name: a\n"), mark)
	require.NoError(t, err)
	require.Equal(t, []Outcome{{Path: "a", Status: Injected, Revision: "apps/v1"}}, outcomes)
}

func TestOutcomesStandInTheOrderOfTheText(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := range 200 {
		name := strings.Repeat("x", i)
		text.WriteString("---\nkind: Edit\nname: \"" + name + "\"\n")
		want = append(want, name)
	}
	_, outcomes, err := EditText([]byte(text.String()), mark)
	require.NoError(t, err)
	var got []string
	for _, o := range outcomes {
		got = append(got, o.Path)
	}
	require.Equal(t, want, got)
}

func TestEditTextSaysWhichDocumentIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want DocumentError // but for the cause
		says string
	}{
		"broken YAML in the second of three": {
			"kind: Edit\n---\n# about it\nkind: Edit\n  name: x\n---\nkind: Edit\n",
			DocumentError{Number: 2, Line: 5}, "document 2 (line 5): mapping values are not allowed in this context",
		},
		"broken YAML alone":                  {"a: [\n", DocumentError{Number: 1, Line: 1}, "document 1 (line 1): "},
		"a tab":                              {"a:\n\tb: c\n", DocumentError{Number: 1, Line: 2}, "document 1 (line 2): found character that cannot start any token"},
		"empty documents do not count":       {"---\n# nothing\n---\nkind: Edit\n---\n---\na: b: c\n", DocumentError{Number: 2, Line: 7}, "document 2 (line 7): mapping values are not allowed in this context"},
		"a document that cannot be edited":   {"kind: Edit\n---\n\n# why\nkind: Edit\nfail: it is too small\n", DocumentError{Number: 2, Line: 5}, "document 2 (line 5): it is too small"},
		"an item that cannot be edited":      {"kind: List\nitems:\n- kind: Edit\n- kind: Edit\n  fail: it is too large\n", DocumentError{Number: 1, Line: 1}, "document 1 (line 1): items[1]: it is too large"},
		"the first of two":                   {"kind: Edit\nfail: a\n---\nkind: Edit\nfail: b\n", DocumentError{Number: 1, Line: 1}, "document 1 (line 1): a"},
		"in a stream of JSON":                {"{\"kind\": \"Edit\"}\n{\"kind\": \"Edit\",\n \"fail\": \"no\"}\n", DocumentError{Number: 2, Line: 2}, "document 2 (line 2): no"},
		"JSON that breaks off":               {"{\"kind\": \"Edit\"}\n{\"kind\": \n", DocumentError{Number: 1, Line: 1}, "document 1 (line 1): there is something behind its closing brace: separate documents with ---"},
		"CRLF":                               {"kind: Edit\r\n---\r\na: b: c\r\n", DocumentError{Number: 2, Line: 3}, "document 2 (line 3): "},
		"an anchor that nobody set":          {"kind: Edit\n---\nkind: Edit\nname: *a\n", DocumentError{Number: 2, Line: 3}, "document 2 (line 3): unknown anchor 'a' referenced"},
		"text that is no UTF-8":              {"kind: Edit\n---\nkind: Edit\nname: \xff\n", DocumentError{Number: 2, Line: 3}, "document 2 (line 3): "},
		"a broken document that has no pods": {"kind: Other\na: 'b\n", DocumentError{Number: 1, Line: 2}, "document 1 (line 2): "},
		"a key that stands twice":            {"kind: Edit\n---\nkind: Edit\na:\n- b: 1\n  b: 2\n", DocumentError{Number: 2, Line: 6}, `document 2 (line 6): key "b" stands twice in the same map`},
		"something behind the braces":        {"{kind: Other}\n{kind: Edit}\n", DocumentError{Number: 1, Line: 1}, "document 1 (line 1): there is something behind its closing brace: separate documents with ---"},
	} {
		t.Run(name, func(t *testing.T) {
			got, outcomes, err := EditText([]byte(c.text), mark)
			require.Nil(t, got)
			require.Nil(t, outcomes)
			var broken *DocumentError
			require.ErrorAs(t, err, &broken)
			require.Contains(t, err.Error(), c.says)
			require.NotContains(t, err.Error(), "\n")
			c.want.Err = broken.Err
			require.Equal(t, &c.want, broken)
			require.ErrorIs(t, err, broken.Err)
		})
	}
}

func TestPartsAreTheTextAgain(t *testing.T) {
	for _, text := range []string{
		"", "a", "---", "---\n", "\ufeff---\na", "--- a\n--- b", "a\n---\n\n---\r\nb\n...\n", "{}{}", " {} {}\n", "{a\n---\nb", "\n\ufeff{}",
	} {
		var again []byte
		for _, p := range cut([]byte(text)) {
			require.NotEmpty(t, p.text)
			again = append(again, p.text...)
		}
		require.Equal(t, text, string(again))
	}
}
