package route

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Outcome is the content of the object after a step, of what it is before; nil
// where it is gone. The API server may fill in defaults.
func (s *Step) Outcome(is map[string]any) map[string]any {
	switch {
	case s.Write == mesh.Delete:
		return nil
	case s.Object != nil:
		return s.Object.Object
	}
	after := map[string]any{"spec": map[string]any{}}
	if is != nil {
		after = runtime.DeepCopyJSON(is)
	}
	mesh.ApplyMergePatch(after, s.Fields)
	return after
}
