package layout_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The libraries that must move together: what istio.io/istio 1.29.1 was built
// with. "go mod tidy" drops the pin of a module that is not imported for a
// moment, and brings the newest with the next import.
func pins() map[string]string {
	return map[string]string{
		"istio.io/istio":              "v0.0.0-20260306174214-6991a379e1fc",
		"istio.io/api":                "v1.29.0-rc.1.0.20260209142455-7fea5efd57ca",
		"istio.io/client-go":          "v1.29.0-rc.1.0.20260209143053-34bf90f81feb",
		"sigs.k8s.io/gateway-api":     "v1.4.0",
		"github.com/spf13/cobra":      "v1.10.2",
		"github.com/stretchr/testify": "v1.11.1",
	}
}

// ownVersions are modules under k8s.io that are versioned by themselves.
func ownVersions() []string {
	return []string{"k8s.io/klog/v2", "k8s.io/kube-openapi", "k8s.io/utils", "k8s.io/gengo/v2", "k8s.io/gengo"}
}

func TestVersionsThatMoveTogetherArePinned(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", "../../go.mod").Output()
	require.NoError(t, err)
	var mod struct {
		Require []struct{ Path, Version string }
		Replace []any
	}
	require.NoError(t, json.Unmarshal(out, &mod))
	assert.Empty(t, mod.Replace, "replaced modules break 'go install'")

	want := pins()
	for _, m := range mod.Require {
		if v, ok := want[m.Path]; ok {
			assert.Equal(t, v, m.Version, m.Path)
			delete(want, m.Path)
		}
		if strings.HasPrefix(m.Path, "k8s.io/") && !contains(ownVersions(), m.Path) {
			assert.Equal(t, "v0.35.0", m.Version, m.Path)
		}
	}
	assert.NotContains(t, want, "istio.io/istio", "the pin is gone from go.mod")
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
