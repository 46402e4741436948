//go:build sandbox

package differential

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

// compareObjects injects the manifests themselves, as people keep them and
// without what the API server adds, and compares the pods that controllers
// make of them where no webhook is called with those that the webhook makes of
// the manifests as they were.
func compareObjects(t *testing.T, c kubernetes.Interface) {
	engine := liveEngine(t, c)
	docs := templateDocuments(t)
	require.Greater(t, len(docs), 100)
	setInjection(t, c, nil)
	ours, refusals := map[string]injectOutcome{}, map[string]string{}
	for name, doc := range docs {
		if strings.Contains(string(doc), "sidecar.istio.io/status") {
			continue // injected before: istiod adds to what it finds, and we inject anew
		}
		if _, err := dryRun(t, c, podOf(doc, diffNamespace)); err != nil {
			continue // refused without a sidecar too
		}
		raw, err := yaml.YAMLToJSON(doc)
		require.NoError(t, err, name)
		var obj map[string]any
		require.NoError(t, utiljson.Unmarshal(raw, &obj), name)
		meta := obj["metadata"].(map[string]any)
		delete(meta, "namespace") // all are tried in one
		if name, ok := meta["name"].(string); ok {
			meta["name"] = strings.ToLower(name) // of some inputs of tests, no API server would take it
		}
		after, outcomes, err := engine.Object(obj, diffNamespace)
		require.NoError(t, err, name)
		require.Len(t, outcomes, 1, name)
		if outcomes[0].Status == inject.Refused {
			refusals[name] = outcomes[0].Message
			ours[name] = injectOutcome{}
			continue
		}
		text, err := json.Marshal(after)
		require.NoError(t, err, name)
		ours[name] = injectCreated(dryRun(t, c, podOf(text, diffNamespace)))
	}
	require.Greater(t, len(ours), 100)

	setInjection(t, c, enabled())
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		t.Run("manifest "+name, func(t *testing.T) {
			theirs := injectCreated(dryRun(t, c, podOf(docs[name], diffNamespace)))
			if refusals[name] != "" {
				_, words, _ := strings.Cut(theirs.Err, "denied the request: ")
				require.Equal(t, inOrder(words), inOrder(refusals[name]))
				return
			}
			withoutToken(theirs.Pod)
			if diff := cmp.Diff(theirs, ours[name]); diff != "" {
				t.Errorf("the webhook's pod (-) and that of the injected manifest (+):\n%s", diff)
			}
		})
	}
}

// withoutToken takes the mount of the service account's token out of the
// containers that istiod recorded: the API server adds it before it asks, with
// a name drawn by lot, and no manifest has it.
func withoutToken(pod *core.Pod) {
	if pod == nil || pod.Annotations["proxy.istio.io/overrides"] == "" {
		return
	}
	text := pod.Annotations["proxy.istio.io/overrides"]
	mount := `{"name":"kube-api-access","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}`
	for _, part := range []string{`,"volumeMounts":[` + mount + `]`, "," + mount} {
		text = strings.ReplaceAll(text, part, "")
	}
	pod.Annotations["proxy.istio.io/overrides"] = text
}
