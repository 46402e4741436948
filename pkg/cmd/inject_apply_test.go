package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(raw))
	return u
}

const liveWeb = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  resourceVersion: "7"
  generation: 1
  annotations: {deployment.kubernetes.io/revision: "1"}
spec: {replicas: 1, template: {spec: {containers: [{name: app, image: "a:1"}]}}}
status: {replicas: 1}
`

func TestALiveObjectIsPatchedInWhatDiffers(t *testing.T) {
	live := object(t, liveWeb)
	text, err := yaml.Marshal(asWritten(live).Object)
	require.NoError(t, err)
	after := `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: app, image: "a:1"}], initContainers: [{name: p, runAsUser: 1337}]}
`
	got, err := changesOf(edited{input: input{text: text, live: live}, after: whole([]byte(after))})
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, mesh.Patch, got[0].Write)
	assert.Equal(t, map[string]any{"spec": map[string]any{
		"replicas": nil,
		"template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"a": "b"}},
			"spec":     map[string]any{"initContainers": []any{map[string]any{"name": "p", "runAsUser": int64(1337)}}},
		},
	}}, got[0].Fields, "with no version in it: it may go to Git")

	got, err = changesOf(edited{input: input{text: text, live: live}, after: whole(text)})
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestAPatchIsForTheObjectAsItWasRead(t *testing.T) {
	change := func(before string) []mesh.Change {
		return []mesh.Change{{Write: mesh.Patch, Object: object(t, liveWeb), Before: object(t, before), Ref: mesh.Ref{Kind: "Deployment", Namespace: "shop", Name: "web"}}}
	}
	assert.NoError(t, asRead(change(liveWeb)))
	assert.NoError(t, asRead(change(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, resourceVersion: "9", generation: 2, annotations: {deployment.kubernetes.io/revision: "2"}}
spec: {replicas: 1, template: {spec: {containers: [{name: app, image: "a:1"}]}}}
status: {replicas: 1, readyReplicas: 1}
`)), "what controllers write is no conflict")
	assert.EqualError(t, asRead(change(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, resourceVersion: "9"}
spec: {replicas: 1, template: {spec: {containers: [{name: app, image: "a:2"}]}}}
`)), "cannot patch Deployment shop/web: it was changed meanwhile; look again")
}

func TestObjectsWithoutANameCannotBeApplied(t *testing.T) {
	_, err := changesOf(edited{after: whole([]byte("apiVersion: v1\nkind: Pod\nmetadata: {generateName: p-}\n"))})
	assert.EqualError(t, err, "a Pod has no name: server-side apply needs one")
}

func TestItemsOfListsAreAppliedEach(t *testing.T) {
	got, err := changesOf(edited{after: whole([]byte(`{"apiVersion": "v1", "kind": "List", "items": [
		{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}},
		{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}}]}`))})
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "a", got[0].Object.GetName())
	assert.Equal(t, "b", got[1].Object.GetName())
	assert.Equal(t, mesh.Apply, got[1].Write)
}
