package mesh

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhereAChangeGoes(t *testing.T) {
	rollouts := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}
	for name, c := range map[string]struct {
		in   Change
		want schema.GroupVersionResource
		ok   bool
	}{
		"a known kind":                        {Change{Ref: RefTo(Deployments, "shop", "web")}, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, true},
		"a known kind in an older version":    {Change{Ref: Ref{APIVersion: "networking.istio.io/v1beta1", Kind: "VirtualService"}}, schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1beta1", Resource: "virtualservices"}, true},
		"a kind that says where it is served": {Change{Ref: Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout"}, Resource: rollouts}, rollouts, true},
		"another kind":                        {Change{Ref: Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout"}}, schema.GroupVersionResource{}, false},
		"no version at all":                   {Change{Ref: Ref{APIVersion: "a/b/c", Kind: "Rollout"}}, schema.GroupVersionResource{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := c.in.Where()
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestChangesForGit(t *testing.T) {
	fields := map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b", "c": nil}}}
	c := Change{Ref: RefTo(Namespaces, "", "shop"), Write: Patch, Fields: fields}
	assert.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": "shop", "labels": map[string]any{"a": "b", "c": nil}},
	}, c.ForGit())
	assert.Equal(t, map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b", "c": nil}}}, fields, "the change stays as it is")

	c = Change{Ref: RefTo(Deployments, "shop", "web"), Write: Patch, Fields: map[string]any{"spec": map[string]any{"paused": true}}}
	assert.Equal(t, map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"paused": true},
		"metadata": map[string]any{"name": "web", "namespace": "shop"},
	}, c.ForGit())

	o := &unstructured.Unstructured{Object: map[string]any{"kind": "Namespace"}}
	assert.Equal(t, o.Object, Change{Write: Apply, Object: o}.ForGit())
	assert.Nil(t, Change{Write: Delete}.ForGit())
}
