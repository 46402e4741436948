package splice

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkApply edits a Deployment of a hundred lines.
func BenchmarkApply(b *testing.B) {
	doc, err := os.ReadFile("testdata/bench.yaml")
	require.NoError(b, err)
	value := func() map[string]any {
		v, err := read(doc)
		require.NoError(b, err)
		return v.(map[string]any)
	}
	annotated, injected := value(), value()
	pod(annotated)["metadata"].(map[string]any)["annotations"].(map[string]any)["a"] = "b"
	spec := pod(injected)["spec"].(map[string]any)
	sidecar, err := read([]byte(`{"name": "istio-proxy", "image": "auto", "args": ["proxy", "sidecar"], "ports": [{"containerPort": 15090}], "resources": {"limits": {"cpu": "2"}}}`))
	require.NoError(b, err)
	spec["containers"] = append(spec["containers"].([]any), sidecar)
	for _, c := range []struct {
		name  string
		after any
	}{
		{"nothing", value()},
		{"annotation", annotated},
		{"sidecar", injected},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Apply(doc, c.after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func pod(v map[string]any) map[string]any {
	return v["spec"].(map[string]any)["template"].(map[string]any)
}
