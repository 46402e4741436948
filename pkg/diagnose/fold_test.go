package diagnose

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func deployment(namespace, name string) mesh.Ref {
	return mesh.RefTo(mesh.Deployments, namespace, name)
}

// folded runs findings through folding and returns what stands at the end, as
// "check: names <- root".
func folded(checks []Check, found ...Finding) []string {
	for i := range found {
		complete(&found[i], Check{Name: found[i].Check, Severity: Error})
	}
	fold(found, checks)
	found = mergeSplit(found)
	raise(found)
	sortFindings(found, checks)
	var lines []string
	for _, f := range found {
		line := string(f.Severity) + " " + f.Check + ":"
		for _, r := range f.Affects {
			line += " " + r.Name
		}
		if f.CausedBy != "" {
			line += " <- " + f.CausedBy
		}
		lines = append(lines, line)
	}
	return lines
}

func TestFolding(t *testing.T) {
	checks := []Check{
		{Name: "dead", Explains: []string{"endless"}},
		{Name: "endless", Explains: []string{"refused"}},
		{Name: "quota", Explains: []string{"refused"}},
		{Name: "refused"},
		{Name: "other"},
	}
	istiod := mesh.RefTo(mesh.Services, "istio-system", "istiod")
	a, b, c := deployment("shop", "a"), deployment("shop", "b"), deployment("shop", "c")

	cases := map[string]struct {
		found []Finding
		want  []string
	}{
		"a root that hits all of a finding's workloads explains it": {
			[]Finding{{Check: "refused", Object: a, Affects: []mesh.Ref{a, b}}, {Check: "endless", Object: istiod, Affects: []mesh.Ref{a, b, c}}},
			[]string{"error endless: a b c", "error refused: a b <- endless/Service/istio-system/istiod"},
		},
		"what the root does not hit stays a root": {
			[]Finding{{Check: "refused", Object: a, Affects: []mesh.Ref{a, b}}, {Check: "endless", Object: istiod, Affects: []mesh.Ref{b, c}}},
			[]string{"error endless: b c", "error refused: a", "error refused: b <- endless/Service/istio-system/istiod"},
		},
		"two roots share a finding, each its own workloads": {
			[]Finding{
				{Check: "refused", Object: a, Affects: []mesh.Ref{a, b}},
				{Check: "endless", Object: istiod, Affects: []mesh.Ref{b}},
				{Check: "quota", Object: mesh.RefTo(mesh.ResourceQuotas, "shop", "q"), Affects: []mesh.Ref{a}},
			},
			[]string{
				"error endless: b", "error quota: a",
				"error refused: b <- endless/Service/istio-system/istiod",
				"error refused: a <- quota/ResourceQuota/shop/q",
			},
		},
		"an unrelated fault of the same workload stays a root": {
			[]Finding{{Check: "other", Object: a, Affects: []mesh.Ref{a}}, {Check: "endless", Object: istiod, Affects: []mesh.Ref{a}}},
			[]string{"error endless: a", "error other: a"},
		},
		"what a cause explains is explained by the cause's cause": {
			[]Finding{
				{Check: "refused", Object: a, Affects: []mesh.Ref{a}},
				{Check: "endless", Object: istiod, Affects: []mesh.Ref{a}},
				{Check: "dead", Object: mesh.RefTo(mesh.Deployments, "istio-system", "istiod"), Covers: []mesh.Ref{istiod}, Affects: []mesh.Ref{a}},
			},
			[]string{
				"error dead: a",
				"error endless: a <- dead/Deployment/istio-system/istiod",
				"error refused: a <- dead/Deployment/istio-system/istiod",
			},
		},
		"a check that found nothing passes nothing on": {
			[]Finding{
				{Check: "refused", Object: a, Affects: []mesh.Ref{a}},
				{Check: "dead", Object: mesh.RefTo(mesh.Deployments, "istio-system", "istiod"), Affects: []mesh.Ref{a}},
			},
			[]string{"error dead: a", "error refused: a"},
		},
		"a split cause passes each part on to its own root": {
			[]Finding{
				{Check: "refused", Object: a, Affects: []mesh.Ref{a, b}},
				{Check: "endless", Object: istiod, Affects: []mesh.Ref{a, b}},
				{Check: "dead", Object: mesh.RefTo(mesh.Deployments, "istio-system", "istiod"), Affects: []mesh.Ref{b}},
			},
			[]string{
				"error dead: b", "error endless: a",
				"error endless: b <- dead/Deployment/istio-system/istiod",
				"error refused: b <- dead/Deployment/istio-system/istiod",
				"error refused: a <- endless/Service/istio-system/istiod",
			},
		},
		"a covered object is explained without any workload": {
			[]Finding{
				{Check: "endless", Object: istiod},
				{Check: "dead", Object: mesh.RefTo(mesh.Deployments, "istio-system", "istiod"), Covers: []mesh.Ref{istiod}},
			},
			[]string{"error dead:", "error endless: <- dead/Deployment/istio-system/istiod"},
		},
		"a cause is as severe as what it causes": {
			[]Finding{{Check: "refused", Object: a, Affects: []mesh.Ref{a}}, {Check: "quota", Severity: Warning, Object: b, Affects: []mesh.Ref{a}}},
			[]string{"error quota: a", "error refused: a <- quota/Deployment/shop/b"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, folded(checks, c.found...)) })
	}
}
