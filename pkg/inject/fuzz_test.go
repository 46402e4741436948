package inject

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Any text: nothing panics; what has nothing to inject keeps its bytes; what
// was injected parses, and stays as it is when injected again.
func FuzzEditText(f *testing.F) {
	for _, file := range manifests(f) {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	e := builtin(f)
	inject := func(obj map[string]any) (map[string]any, []Outcome, error) { return e.Object(obj, "shop") }
	f.Fuzz(func(t *testing.T, text []byte) {
		var joined []byte
		for _, p := range cut(text) {
			joined = append(joined, p.text...)
		}
		require.Equal(t, string(text), string(joined), "cut in parts")

		once, outcomes, err := EditText(text, inject)
		if err != nil {
			require.Nil(t, once)
			return
		}
		if !altered(outcomes) {
			require.Equal(t, string(text), string(once))
			return
		}
		twice, again, err := EditText(once, inject)
		require.NoError(t, err, "%s", once)
		require.Equal(t, statuses(outcomes), statuses(again))
		if !forged(outcomes) {
			require.Equal(t, string(once), string(twice), "injected again")
		}
		_, _, err = EditText(once, takeOut)
		require.NoError(t, err)
	})
}

// forged reports whether pods have records of istiod's that istiod did not
// write, which it believes in part, or a container of istiod's by the user's
// hand: of such a one it records only what Kubernetes knows. The manifests show
// that sound ones are injected again as they were.
func forged(outcomes []Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o Outcome) bool {
		if o.After == nil {
			return false
		}
		_, status := o.Pod.Annotations[mesh.StatusAnnotation]
		overrides := place{"metadata", "annotations", overridesAnnotation}.get(o.After) != nil
		return status || overrides
	})
}

func statuses(outcomes []Outcome) []Status {
	var all []Status
	for _, o := range outcomes {
		all = append(all, o.Status)
	}
	return all
}

// Any object, with annotations of istiod's in any shape: nothing panics, the
// object stays as it is, and what comes out is an object of JSON. Taking the
// sidecar out a second time changes nothing.
func FuzzUninject(f *testing.F) {
	e := builtin(f)
	for _, file := range manifests(f) {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		_, _, err = EditText(text, func(obj map[string]any) (map[string]any, []Outcome, error) {
			after, outcomes, err := e.Object(obj, "shop")
			if err == nil {
				raw, err := json.Marshal(after)
				require.NoError(f, err)
				f.Add(raw, "", "")
			}
			return after, outcomes, err
		})
		require.NoError(f, err)
	}
	pod := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"a":"b"}},"spec":{"containers":[{"name":"istio-proxy","env":[{"name":"ISTIO_KUBE_APP_PROBERS","value":"{\"/app-health/app/readyz\":null}"}]},{"name":"app"}]}}`)
	for _, status := range []string{`{}`, `null`, `{"containers":["istio-proxy","app"],"volumes":["x"]}`, `{"containers":null,"initContainers":[""]}`, `[1]`, `{"containers":"x"}`} {
		for _, overrides := range []string{``, `{}`, `null`, `{"containers":[{"name":"istio-proxy","ports":[{"containerPort":1.5}]},null,7]}`, `{"initContainers":[{"name":"istio-proxy","image":null}]}`, `{"containers":{}}`} {
			f.Add(pod, status, overrides)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, status, overrides string) {
		var obj map[string]any
		if utiljson.Unmarshal(raw, &obj) != nil || obj == nil {
			return
		}
		for _, p := range places(obj) {
			template := cloned(p.get(obj))
			meta := cloned(template["metadata"])
			annotations := cloned(meta["annotations"])
			if status != "" {
				annotations[mesh.StatusAnnotation] = status
			}
			if overrides != "" {
				annotations[overridesAnnotation] = overrides
			}
			meta["annotations"], template["metadata"] = annotations, meta
			obj = p.with(obj, template)
		}
		before, err := json.Marshal(obj)
		require.NoError(t, err)
		after, outcomes := Uninject(obj, "shop")
		still, err := json.Marshal(obj)
		require.NoError(t, err)
		require.Equal(t, string(before), string(still), "the object was changed")
		removed := slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Status == Removed })
		if !removed {
			require.Equal(t, obj, after)
			return
		}
		bare, err := json.Marshal(after)
		require.NoError(t, err)
		again, outcomes := Uninject(after, "shop")
		require.False(t, altered(outcomes), "%s", bare)
		require.Equal(t, after, again)
	})
}
