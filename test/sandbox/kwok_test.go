package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestKwokForwardsDefaultAndOwnPortsOfEveryRevision(t *testing.T) {
	block := ports{base: 20000}
	config, err := kwokConfig(block)
	require.NoError(t, err)
	objs, err := parseYAML(config)
	require.NoError(t, err)
	kinds := map[string]int{}
	for _, obj := range objs {
		kinds[obj.GetKind()]++
	}
	require.Equal(t, map[string]int{"Stage": 4, "ClusterPortForward": 1 + maxRevisions}, kinds)

	second := block.istiod(1)
	targets := map[int]int{}
	for _, obj := range objs {
		if obj.GetKind() != "ClusterPortForward" || obj.GetName() != slotNamespace(second) {
			continue
		}
		forwards, _, err := unstructured.NestedSlice(obj.Object, "spec", "forwards")
		require.NoError(t, err)
		for _, f := range forwards {
			target := f.(map[string]any)["target"].(map[string]any)
			for _, from := range f.(map[string]any)["ports"].([]any) {
				targets[int(from.(float64))] = intField(target, "port")
			}
		}
	}
	want := map[int]int{}
	for standard, real := range second.to() {
		want[standard], want[real] = real, real
	}
	require.Equal(t, want, targets)
}

func TestTailOfALog(t *testing.T) {
	log := []byte("one\ntwo\nthree\n")
	require.Equal(t, "two\nthree\n", string(tail(log, 2)))
	require.Equal(t, string(log), string(tail(log, 9)))
	require.Empty(t, tail(log, 0))
}
