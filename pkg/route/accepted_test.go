package route_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func TestARouteIsTakenOnceIstiodHasLookedAtItAsItStands(t *testing.T) {
	const status = `{controllerName: istio.io/gateway-controller, conditions: [{type: Accepted, status: "True", observedGeneration: 2}, {type: ResolvedRefs, `
	for _, c := range []struct {
		situation, parents string
		settled            bool
		lacks              string
	}{
		{"nobody has looked", "[]", false, ""},
		{"another controller has", `[{controllerName: example.com/gateway, conditions: []}]`, false, ""},
		{"it is taken", "[" + status + `status: "True", observedGeneration: 2}]}]`, true, ""},
		{"it was taken before it was changed", "[" + status + `status: "True", observedGeneration: 1}]}]`, false, ""},
		{"a backend is missing", "[" + status + `status: "False", observedGeneration: 2, reason: BackendNotFound, message: no such service}]}]`,
			true, "HTTPRoute shop/reviews is not taken by istiod: ResolvedRefs is False: no such service (BackendNotFound)"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			text, err := yaml.YAMLToJSON([]byte("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: reviews, namespace: shop, generation: 2}, status: {parents: " + c.parents + "}}"))
			require.NoError(t, err)
			require.NoError(t, u.UnmarshalJSON(text))
			settled, lacks := route.Accepted(u)
			assert.Equal(t, c.settled, settled)
			assert.Equal(t, c.lacks, lacks)
		})
	}
}
