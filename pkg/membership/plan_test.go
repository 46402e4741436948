package membership_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// asked is the request.yaml of a folder.
type asked struct {
	Base                         string // the mesh, a file of testdata
	Disable, Restart             bool
	Namespace, Revision, Kubectl string
	LeaveAmbient, OptOut         bool
	Gaps                         []mesh.Gap
}

func injector(s *mesh.Snapshot) diagnose.Injector {
	_ = inject.Logs(false) // istiod tells of every pod
	in := inject.NewInjector(s)
	return func(cp *mesh.ControlPlane, pod *core.Pod, ns *core.Namespace) (diagnose.Injected, error) {
		out, refusal, err := in(cp, pod, ns)
		return diagnose.Injected{Pod: out, Refusal: refusal}, err
	}
}

// TestPlans makes the plan of every folder of testdata/plan: request.yaml says
// what is asked and of which mesh, namespaces.yaml holds the rest of the
// cluster, want.txt is the plan as it is shown, the writes, and what is waited
// for.
func TestPlans(t *testing.T) {
	folders, err := filepath.Glob("testdata/plan/*")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	files := &golden.Files{}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			files.Check(t, filepath.Join(folder, "want.txt"), planned(t, folder))
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/plan/*/want.txt")
	}
}

func planned(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "request.yaml"))
	require.NoError(t, err)
	var q asked
	require.NoError(t, yaml.UnmarshalStrict(text, &q))
	paths := []string{filepath.Join(folder, "namespaces.yaml")}
	if q.Base != "" {
		paths = append([]string{filepath.Join("testdata", q.Base)}, paths...)
	}
	s := read(t, paths...)
	s.Gaps = append(s.Gaps, q.Gaps...)
	make := membership.Enable
	if q.Disable {
		make = membership.Disable
	}
	if q.Namespace == "" {
		q.Namespace = "shop"
	}
	before := fmt.Sprint(s.Namespaces)
	p, err := make(s, membership.Request{Namespace: q.Namespace, Revision: q.Revision, LeaveAmbient: q.LeaveAmbient, OptOut: q.OptOut, Kubectl: q.Kubectl})
	assert.Equal(t, before, fmt.Sprint(s.Namespaces), "the snapshot stays as it is")
	var refusal *membership.Refusal
	switch {
	case errors.As(err, &refusal):
		return "refused: " + err.Error() + "\n"
	case err != nil:
		return "error: " + err.Error() + "\n"
	}
	if p.Enable {
		p.Preview(checks.All(), injector, "--context demo")
	}
	return describe(t, p, q.Restart)
}

func describe(t *testing.T, p *membership.Plan, restart bool) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, printer.Plan(&b, p, restart, printer.Style{}))
	b.WriteString("\nwrites\n")
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for _, c := range p.Changes(restart, at) {
		fields, err := json.Marshal(c.Fields)
		require.NoError(t, err)
		fmt.Fprintf(&b, "  %s %s\n", c, fields)
	}
	b.WriteString("waits for\n")
	for _, g := range p.Goals(restart, at) {
		fmt.Fprintf(&b, "  %s, in the mesh: %t, revision %q\n", g.Ref, g.In, g.Revision)
	}
	return b.String()
}
