package cmd

import (
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// newInjector lets checks ask what istiod would make of a pod.
func newInjector(s *mesh.Snapshot) diagnose.Injector {
	in := inject.NewInjector(s)
	return func(cp *mesh.ControlPlane, pod *core.Pod, ns *core.Namespace) (diagnose.Injected, error) {
		out, refusal, err := in(cp, pod, ns)
		return diagnose.Injected{Pod: out, Refusal: refusal}, err
	}
}
