package cmd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// TestRightsOfTheDoctorAreWhatItsChecksRead holds deploy/rbac.yaml: list on
// every resource that a check declares, get on every path, and nothing else.
func TestRightsOfTheDoctorAreWhatItsChecksRead(t *testing.T) {
	groups := map[string][]string{}
	var paths []string
	for _, k := range kindsOf(checks.All()) {
		info, ok := mesh.Lookup(k)
		require.True(t, ok, k)
		if info.Fact() {
			paths = append(paths, string(k))
			continue
		}
		groups[info.Resource.Group] = append(groups[info.Resource.Group], info.Resource.Resource)
	}
	paths = append(paths, string(mesh.ServerVersion)) // every run asks for it
	slices.Sort(paths)

	var b strings.Builder
	b.WriteString(`# The rights that "kubectl mesh doctor -A" uses, and nothing else: it reads and never writes.
# Bind it to who runs the doctor:
#   kubectl create clusterrolebinding mesh-doctor --clusterrole=mesh-doctor --user=USER
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: mesh-doctor
rules:
`)
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	slices.Sort(names)
	for _, g := range names {
		slices.Sort(groups[g])
		assert.NotContains(t, groups[g], "secrets")
		fmt.Fprintf(&b, "- apiGroups: [%q]\n  resources:\n", g)
		for _, r := range slices.Compact(groups[g]) {
			fmt.Fprintf(&b, "  - %s\n", r)
		}
		b.WriteString("  verbs: [list]\n")
	}
	b.WriteString("- nonResourceURLs:\n")
	for _, p := range slices.Compact(paths) {
		fmt.Fprintf(&b, "  - %s\n", p)
	}
	b.WriteString("  verbs: [get]\n")
	(&golden.Files{}).Check(t, "../../deploy/rbac.yaml", b.String())
}
