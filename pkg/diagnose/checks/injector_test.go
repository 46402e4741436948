package checks_test

import (
	"os"
	"testing"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestMain(m *testing.M) {
	if err := inject.Logs(false); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// injector is what the program gives to checks.
func injector(s *mesh.Snapshot) diagnose.Injector {
	in := inject.NewInjector(s)
	return func(cp *mesh.ControlPlane, pod *core.Pod, ns *core.Namespace) (diagnose.Injected, error) {
		out, refusal, err := in(cp, pod, ns)
		return diagnose.Injected{Pod: out, Refusal: refusal}, err
	}
}
