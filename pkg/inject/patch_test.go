package inject

import (
	"testing"

	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

const patchedObject = `{"a/b": {"~": 1}, "list": [1, [2, 3], {"name": "x"}], "n": null, "s": "t"}`

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, utiljson.Unmarshal([]byte(text), &m))
	return m
}

// The API server applies patches with another library (k8s.io/apiserver
// v0.35.0, pkg/admission/plugin/webhook/mutating/dispatcher.go).
func TestAPatchDoesWhatTheAPIServerMakesOfIt(t *testing.T) {
	for name, patch := range map[string]string{
		"nothing":                     `[]`,
		"a key is added":              `[{"op": "add", "path": "/new", "value": {"n": 12345678901234567, "f": 0.5}}]`,
		"a key is added where one is": `[{"op": "add", "path": "/s", "value": [1]}]`,
		"a key with a slash":          `[{"op": "replace", "path": "/a~1b/~0", "value": 2}]`,
		"a key goes":                  `[{"op": "remove", "path": "/s"}]`,
		"null":                        `[{"op": "replace", "path": "/s", "value": null}]`,
		"an item at the front":        `[{"op": "add", "path": "/list/0", "value": 0}]`,
		"an item behind the last":     `[{"op": "add", "path": "/list/3", "value": 0}]`,
		"an item at the end":          `[{"op": "add", "path": "/list/-", "value": 0}]`,
		"items go":                    `[{"op": "remove", "path": "/list/0"}, {"op": "remove", "path": "/list/0"}]`,
		"an item of an item":          `[{"op": "replace", "path": "/list/1/1", "value": "4"}, {"op": "add", "path": "/list/2/env", "value": []}, {"op": "add", "path": "/list/2/env/0", "value": {}}]`,
		"the whole object":            `[{"op": "replace", "path": "", "value": {"x": 1}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			obj := decoded(t, patchedObject)
			got, err := patched(obj, []byte(patch))
			require.NoError(t, err)
			require.Equal(t, decoded(t, patchedObject), obj, "the object stays as it is")
			p, err := jsonpatch.DecodePatch([]byte(patch))
			require.NoError(t, err)
			want, err := p.Apply([]byte(patchedObject))
			require.NoError(t, err)
			require.Equal(t, decoded(t, string(want)), got)
		})
	}
}

func TestAPatchThatFitsNothingIsAnError(t *testing.T) {
	for _, patch := range []string{
		`{}`,
		`[{"op": "remove", "path": "/none"}]`,
		`[{"op": "replace", "path": "/none", "value": 1}]`,
		`[{"op": "add", "path": "/none/a", "value": 1}]`,
		`[{"op": "add", "path": "/s/a", "value": 1}]`,
		`[{"op": "add", "path": "/list/4", "value": 1}]`,
		`[{"op": "add", "path": "/list/-1", "value": 1}]`,
		`[{"op": "replace", "path": "/list/3", "value": 1}]`,
		`[{"op": "remove", "path": "/list/-"}]`,
		`[{"op": "add", "path": "/list/x", "value": 1}]`,
		`[{"op": "remove", "path": ""}]`,
		`[{"op": "replace", "path": "", "value": 1}]`,
		`[{"op": "move", "from": "/s", "path": "/n"}]`,
		`[{"op": "add", "path": "s", "value": 1}]`,
	} {
		_, err := patched(decoded(t, patchedObject), []byte(patch))
		require.Error(t, err, patch)
	}
}
