package printer_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
)

func ptr(n int) *int { return &n }

func crowded() *membership.Status {
	long := strings.Repeat("very-", 12) + "ns"
	return &membership.Status{Namespaces: []membership.Namespace{
		{Name: long, Mode: membership.Sidecar, Revisions: []membership.Revision{{Name: "canary-1-29-1-and-more", Tag: "production-of-the-shop"}},
			Workloads: ptr(3200), InMesh: ptr(12), Expected: ptr(14), Waiting: ptr(2), Pods: ptr(15), Proxies: map[string]int{"1.27.3": 1, "1.28.3": 1, "1.29.1": 10}},
		{Name: "out", Mode: membership.Off, Workloads: ptr(1), Pods: ptr(1), InMesh: ptr(0), Expected: ptr(0), Waiting: ptr(0)},
		{Name: "shop\x1b[31m", Mode: membership.Off, Label: "istio-injection=enalbed", Workloads: ptr(0), Pods: ptr(0), InMesh: ptr(0), Expected: ptr(0), Waiting: ptr(0)},
	}}
}

func TestStatusFitsTheScreen(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printer.Status(&out, crowded(), "table", printer.Style{}))
	for _, line := range strings.Split(out.String(), "\n") {
		assert.LessOrEqual(t, len([]rune(line)), 100, line)
	}
	assert.Contains(t, out.String(), "…")
	assert.Contains(t, out.String(), "12/14")
	assert.NotContains(t, out.String(), "\x1b")
	assert.True(t, strings.HasSuffix(out.String(), "\n1 namespace outside the mesh\n"), out.String())

	out.Reset()
	require.NoError(t, printer.Status(&out, crowded(), "wide", printer.Style{Width: 60}))
	assert.NotContains(t, out.String(), "…", "nothing is cut short")
}

func TestStatusNamesAreForXargs(t *testing.T) {
	var out bytes.Buffer
	st := crowded()
	st.Namespaces = st.Namespaces[1:]
	require.NoError(t, printer.Status(&out, st, "name", printer.Style{}))
	assert.Equal(t, "namespace/shop^[[31m\n", out.String())
}

func TestStatusOfNothing(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printer.Status(&out, &membership.Status{}, "table", printer.Style{}))
	assert.Equal(t, "no namespaces\n", out.String())
	assert.EqualError(t, printer.Status(&out, crowded(), "xml", printer.Style{}), `unknown format "xml": use one of table, wide, json, yaml, name`)
}

func TestPlansOfManyWorkloadsFitTheScreen(t *testing.T) {
	p := &membership.Plan{Enable: true, Namespace: &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, Revision: membership.Revision{Name: "default"}}
	for range 300 {
		o := membership.Outcome{Pods: 2, Waiting: 1, Why: "pod label opts out"}
		o.Ref.Kind, o.Ref.Name, o.Step.Say = "Deployment", strings.Repeat("a", 20), "do it\x1b[31m"
		p.In, p.Out, p.Restart, p.ByHand = append(p.In, o), append(p.Out, o), append(p.Restart, o), append(p.ByHand, o)
	}
	var out bytes.Buffer
	require.NoError(t, printer.Plan(&out, p, true, printer.Style{}))
	lines := strings.Split(out.String(), "\n")
	assert.Less(t, len(lines), 24)
	for _, line := range lines {
		assert.LessOrEqual(t, len([]rune(line)), 100, line)
	}
	assert.NotContains(t, out.String(), "\x1b")
}
