package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestFieldsInWhichTwoPodsDiffer(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		want []string
	}{
		"none":                       {"{a: {b: 1}}", "{a: {b: 1}}", nil},
		"a value":                    {"{a: {b: 1, c: 2}}", "{a: {b: 1, c: 3}}", []string{"a.c: has 2, has 3"}},
		"one that only one has":      {"{a: {b: 1}}", "{a: {c: x}}", []string{"a.b: has 1, has none", `a.c: has none, has "x"`}},
		"items by their names":       {"{l: [{name: x, v: 1}, {name: z, v: 1}]}", "{l: [{name: z, v: 2}, {name: x, v: 1}]}", []string{"l.z.v: has 1, has 2"}},
		"an item more":               {"{l: [{name: x}]}", "{l: [{name: x}, {name: z}]}", []string{`l.z: has none, has {"name":"z"}`}},
		"the order of items alone":   {"{l: [{name: x}, {name: z}]}", "{l: [{name: z}, {name: x}]}", []string{`l: has ["x","z"], has ["z","x"]`}},
		"arguments":                  {"{args: [a, b, c]}", "{args: [a, d, c]}", []string{`args: has ["b"], has ["d"]`}},
		"the order of arguments":     {"{args: [a, b]}", "{args: [b, a]}", []string{`args: has ["a","b"], has ["b","a"]`}},
		"two items of one name":      {"{l: [{name: x}, {name: x, v: 1}]}", "{l: [{name: x}, {name: x, v: 2}]}", []string{`l: has [{"name":"x","v":1}], has [{"name":"x","v":2}]`}},
		"a map against a list":       {"{a: {b: 1}}", "{a: [1]}", []string{`a: has {"b":1}, has [1]`}},
		"numbers in a list":          {"{a: [1, 2]}", "{a: [1]}", []string{`a: has [2], has [1]`}},
		"a value too long to show":   {"{a: " + strings.Repeat("x", 200) + "}", "{a: z}", []string{`a: has "` + strings.Repeat("x", 116) + `..., has "z"`}},
		"an item that has no name":   {"{l: [{name: x}, {v: 1}]}", "{l: [{name: x}, {v: 2}]}", []string{`l: has [{"v":1}], has [{"v":2}]`}},
		"one list is empty, one not": {"{l: []}", "{l: [{name: x}]}", []string{`l.x: has none, has {"name":"x"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			var a, b any
			require.NoError(t, yaml.Unmarshal([]byte(c.a), &a))
			require.NoError(t, yaml.Unmarshal([]byte(c.b), &b))
			var got []string
			fields(a, b, nil, func(path []string, x, y any) {
				got = append(got, fmt.Sprintf("%s: %s, %s", strings.Join(path, "."), short(x), short(y)))
			})
			assert.Equal(t, c.want, got)
		})
	}
}
