package cluster

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestAdmissionMetrics(t *testing.T) {
	f, err := os.Open("testdata/metrics.txt")
	require.NoError(t, err)
	defer f.Close()
	got, err := admissionMetrics(f)
	require.NoError(t, err)
	assert.Equal(t, &mesh.AdmissionMetrics{
		Plugins: []string{"MutatingAdmissionWebhook", "NamespaceLifecycle"},
		Webhooks: map[string]mesh.WebhookCalls{
			"namespace.sidecar-injector.istio.io": {Requests: 414, Rejections: map[string]int{"calling_webhook_error": 3, "no_error": 30}, FailOpen: 2},
			"other.example.com":                   {Excluded: 5},
		},
	}, got)
}
