package cmd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTextsArePrintedAsOneStream(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"nothing":                     {nil, ""},
		"one":                         {[]string{"a: 1"}, "a: 1"},
		"two":                         {[]string{"a: 1\n", "b: 2\n"}, "a: 1\n---\nb: 2\n"},
		"no newline at the end":       {[]string{"a: 1", "b: 2"}, "a: 1\n---\nb: 2"},
		"a mark at the beginning":     {[]string{"---\na: 1\n", "---\nb: 2\n"}, "---\na: 1\n---\nb: 2\n"},
		"a comment at the beginning":  {[]string{"a: 1\n", "# b\nb: 2\n"}, "a: 1\n---\n# b\nb: 2\n"},
		"empty ones between":          {[]string{"", "a: 1\n", "\n", "b: 2\n"}, "a: 1\n\n---\nb: 2\n"},
		"byte order marks":            {[]string{"\ufeffa: 1\n", "\ufeffb: 2\n"}, "a: 1\n---\nb: 2\n"},
		"Windows' line ends":          {[]string{"a: 1\r\n", "b: 2\r\n"}, "a: 1\r\n---\nb: 2\r\n"},
		"JSON after YAML":             {[]string{"a: 1\n", `{"b": 2}`}, "a: 1\n---\n{\"b\": 2}"},
		"several documents in one":    {[]string{"a: 1\n---\nb: 2\n", "c: 3\n"}, "a: 1\n---\nb: 2\n---\nc: 3\n"},
		"one that is a comment alone": {[]string{"a: 1\n", "# nothing\n"}, "a: 1\n---\n# nothing\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var results []edited
			for _, text := range c.texts {
				results = append(results, edited{after: whole([]byte(text))})
			}
			var out bytes.Buffer
			require.NoError(t, printTexts(&out, results, "yaml"))
			assert.Equal(t, c.want, out.String())
		})
	}
}

func TestObjectsAreOneJSONDocument(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"one":                         {[]string{"kind: A\nx: <&>\n"}, `{"kind": "A", "x": "<&>"}`},
		"two files":                   {[]string{"kind: A\n", `{"kind": "B"}`}, `{"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [{"kind": "A"}, {"kind": "B"}]}`},
		"two documents and a comment": {[]string{"kind: A\n---\n# none\n---\nkind: B\n"}, `{"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [{"kind": "A"}, {"kind": "B"}]}`},
		"JSON, one after the other":   {[]string{`{"kind": "A"} {"kind": "B"}`}, `{"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [{"kind": "A"}, {"kind": "B"}]}`},
		"nothing":                     {[]string{"# none\n"}, `{"apiVersion": "v1", "kind": "List", "metadata": {}, "items": []}`},
	} {
		t.Run(name, func(t *testing.T) {
			var results []edited
			for _, text := range c.texts {
				results = append(results, edited{after: whole([]byte(text))})
			}
			var out bytes.Buffer
			require.NoError(t, printTexts(&out, results, "json"))
			assert.JSONEq(t, c.want, out.String())
		})
	}
}
