package mesh

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMergePatchMakesOneObjectOfAnother(t *testing.T) {
	from := map[string]any{"keep": "a", "gone": int64(1), "meta": map[string]any{"labels": map[string]any{"x": "1", "y": "2"}}, "list": []any{"a"}, "was": "text"}
	to := map[string]any{"keep": "a", "meta": map[string]any{"labels": map[string]any{"x": "1", "z": "3"}}, "list": []any{"a", "b"}, "was": map[string]any{"now": "map"}}
	patch := MergePatch(from, to)
	require.Equal(t, map[string]any{
		"gone": nil, "meta": map[string]any{"labels": map[string]any{"y": nil, "z": "3"}}, "list": []any{"a", "b"}, "was": map[string]any{"now": "map"},
	}, patch)
	ApplyMergePatch(from, patch)
	require.Equal(t, to, from)
	require.Empty(t, MergePatch(from, to))
}
