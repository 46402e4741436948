package printer_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func header() *diagnose.Report {
	return &diagnose.Report{
		Time:   time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC),
		Source: "context kind-demo",
		Mesh: diagnose.Mesh{
			Revisions: []diagnose.Revision{{Name: "default", Version: "1.29.1", Tags: []string{"prod"}}},
			Pods:      57, InMesh: 41, Expected: 50, Workloads: 12, Istio: true, KnownIstio: true, KnownExpected: true,
		},
		Results: []diagnose.Result{
			{Check: "plugin-off", Area: diagnose.APIServer, Title: "The plugin is off", Severity: diagnose.Error, Status: diagnose.OK},
			{Check: "istiod-no-endpoints", Area: diagnose.ControlPlane, Title: "istiod has no endpoints", Severity: diagnose.Error, Status: diagnose.OK},
			{Check: "opted-out", Area: diagnose.Labels, Title: "A pod opted out", Severity: diagnose.Info, Status: diagnose.OK},
			{Check: "refused", Area: diagnose.Injection, Title: "Pods are refused", Severity: diagnose.Error, Status: diagnose.OK},
		},
	}
}

func broken() *diagnose.Report {
	r := header()
	var hit []mesh.Ref
	for i := range 1600 {
		hit = append(hit, mesh.RefTo(mesh.Deployments, fmt.Sprintf("team-%04d", i/8), fmt.Sprintf("svc-%d", i%8)))
	}
	istiod := mesh.RefTo(mesh.Services, "istio-system", "istiod")
	r.Findings = []diagnose.Finding{
		{
			ID: "istiod-no-endpoints/Service/istio-system/istiod", Check: "istiod-no-endpoints", Severity: diagnose.Error,
			Message: "Service istio-system/istiod has no ready endpoints: Deployment istiod is scaled to 0, so the API server refuses every new pod",
			Object:  istiod, Field: "spec.replicas", Evidence: []string{"spec.replicas of Deployment istio-system/istiod is 0"}, Affects: hit,
			Fix:     []diagnose.Step{{Run: "kubectl -n istio-system scale deployment istiod --replicas=1", Kind: diagnose.StepScale}},
			Aliases: []string{"IST0139"}, Docs: diagnose.PageURL("istiod-no-endpoints"),
		},
		{
			ID: "opted-out/Deployment/shop/web", Check: "opted-out", Severity: diagnose.Info, Object: mesh.RefTo(mesh.Deployments, "shop", "web"),
			Message: `pod label sidecar.istio.io/inject="false" opts out`, Affects: []mesh.Ref{mesh.RefTo(mesh.Deployments, "shop", "web")},
		},
		{
			ID: "refused/Deployment/team-0000/svc-0", Check: "refused", Severity: diagnose.Error, Object: hit[0], Affects: hit,
			Message:  "pods are refused:\n\x1b[31mno endpoints\x1b[0m available",
			CausedBy: "istiod-no-endpoints/Service/istio-system/istiod",
			Fix:      []diagnose.Step{{Say: "fix istiod first", Kind: diagnose.StepManual}},
		},
	}
	r.Results[1].Status, r.Results[2].Status, r.Results[3].Status = diagnose.Found, diagnose.Found, diagnose.Found
	r.Results = append(r.Results, diagnose.Result{
		Check: "ca", Area: diagnose.Webhooks, Title: "The CA does not match", Severity: diagnose.Error,
		Status: diagnose.Unknown, Reason: "may not list mutatingwebhookconfigurations.admissionregistration.k8s.io; could not read nodes: timed out after 15s",
		Missing: []mesh.Gap{
			{Kind: mesh.MutatingWebhooks, Verb: "list", Reason: "forbidden"},
			{Kind: mesh.Nodes, Reason: "timed out after 15s"},
		},
	})
	return r
}

func empty() *diagnose.Report {
	r := header()
	r.Mesh = diagnose.Mesh{KnownIstio: true, KnownExpected: true}
	return r
}

func TestDoctorFormats(t *testing.T) {
	files := &golden.Files{}
	for name, report := range map[string]*diagnose.Report{"healthy": header(), "broken": broken(), "no-istio": empty()} {
		for _, format := range printer.DoctorFormats() {
			t.Run(name+" as "+format, func(t *testing.T) {
				var out bytes.Buffer
				require.NoError(t, printer.Doctor(&out, report, format, printer.Style{Program: "kubectl mesh"}))
				files.Check(t, filepath.Join("testdata", name+"."+format+".txt"), out.String())
				assert.NotContains(t, out.String(), "\x1b", "no escape from the cluster, no colour without asking")
			})
		}
	}
	if !t.Failed() {
		files.Unused(t, "testdata/*.txt")
	}
}

func TestTableFitsTheTerminalButKeepsCommandsWhole(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printer.Doctor(&out, broken(), "table", printer.Style{Program: "kubectl mesh", Asked: "namespace shop", Width: 60, ASCII: true}))
	for _, line := range strings.Split(out.String(), "\n") {
		if !strings.Contains(line, "fix ") && !strings.Contains(line, "mutatingwebhookconfigurations") { // values to copy
			assert.LessOrEqual(t, len([]rune(line)), 60, line)
		}
	}
	assert.Contains(t, out.String(), "kubectl -n istio-system scale deployment istiod --replicas=1")
}

func TestColourIsOnlyForThoseWhoAskForIt(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printer.Doctor(&out, broken(), "table", printer.Style{Color: true}))
	assert.Contains(t, out.String(), "\x1b[31m")
	assert.NotContains(t, out.String(), "\x1b[31mno endpoints", "an escape that came from the cluster")
}

func TestUnknownFormatNamesTheKnown(t *testing.T) {
	err := printer.Doctor(&bytes.Buffer{}, header(), "xml", printer.Style{})
	assert.EqualError(t, err, `unknown format "xml": use one of table, wide, short, json, yaml, name`)
}
