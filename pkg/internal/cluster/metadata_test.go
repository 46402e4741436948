package cluster

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestMetadataAsksForNoMoreThanIt(t *testing.T) {
	api := &fakeAPI{answer: func(w http.ResponseWriter, r *http.Request, k mesh.Kind, namespace string) bool {
		assert.Contains(t, r.Header.Get("Accept"), "as=PartialObjectMetadataList")
		assert.NotContains(t, r.Header.Get("Accept"), "application/json,", "nothing else will do")
		list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
		for _, name := range []string{string(k), namespace, r.URL.Query().Get("labelSelector")} {
			list.Items = append(list.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}})
		}
		writeJSON(w, list)
		return true
	}}
	q := Query{Config: api.start(t)}
	for _, c := range []struct {
		kind                      mesh.Kind
		namespace, selector, want string
	}{
		{mesh.Deployments, "shop", "", "deployments.apps shop "},
		{mesh.Pods, "", "app=web", "pods  app=web"},
		{mesh.MutatingWebhooks, "shop", "istio.io/rev", "mutatingwebhookconfigurations.admissionregistration.k8s.io  istio.io/rev"},
	} {
		found, err := Metadata(t.Context(), q, c.kind, c.namespace, c.selector)
		require.NoError(t, err)
		require.Len(t, found, 3)
		assert.Equal(t, c.want, found[0].Name+" "+found[1].Name+" "+found[2].Name)
	}
}

func TestMetadataThatMayNotBeReadIsAnError(t *testing.T) {
	api := &fakeAPI{answer: forbid(func(mesh.Kind, string) bool { return false })}
	q := Query{Config: api.start(t)}
	_, err := Metadata(t.Context(), q, mesh.Pods, "shop", "")
	assert.ErrorContains(t, err, "refused by the test")
	_, err = Metadata(t.Context(), q, mesh.ServerVersion, "", "")
	assert.ErrorContains(t, err, "/version are no objects")
}
