package checks

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestRestartsOfManyWorkloadsCoverEveryKind(t *testing.T) {
	many := func(kind mesh.Kind, n int) []mesh.Ref {
		var refs []mesh.Ref
		for i := range n {
			refs = append(refs, mesh.RefTo(kind, "shop", fmt.Sprintf("w%d", i)))
		}
		return refs
	}
	restart := func(args string) []diagnose.Step {
		return []diagnose.Step{{Kind: diagnose.StepRestart, Run: "kubectl -n shop rollout restart " + args}}
	}
	assert.Equal(t, restart("deployment/w0 deployment/w1 statefulset/w0"), restarts(append(many(mesh.StatefulSets, 1), many(mesh.Deployments, 2)...)))
	assert.Equal(t, restart("deployment"), restarts(many(mesh.Deployments, 9)))
	assert.Equal(t, restart("statefulset"), restarts(many(mesh.StatefulSets, 9)))
	assert.Equal(t, restart("daemonset,deployment,statefulset"),
		restarts(append(append(many(mesh.StatefulSets, 2), many(mesh.DaemonSets, 1)...), many(mesh.Deployments, 9)...)))
}
