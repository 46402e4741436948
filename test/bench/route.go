package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// The service that is shifted.
const shiftedNamespace, shiftedService = "team-0000", "svc-0"

// measureRoute compares "route list" with fetching the same lists, and "route
// shift", which makes the DestinationRule and the VirtualService of a service
// that has none, with the calls of kubectl that do the same.
func measureRoute(ctx context.Context, s *sandbox.Sandbox, plugin string, runs int) ([]result, error) {
	folder, err := os.MkdirTemp("", "kubectl-mesh-bench-route-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"versions.yaml": shiftedVersions, "rules.yaml": shiftedRules} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	kubectl := s.Bin("kubectl") + " -n " + shiftedNamespace
	calls := []string{
		kubectl + " get service,endpointslices,pods,virtualservices,destinationrules",
		kubectl + " apply -f " + filepath.Join(folder, "versions.yaml"),
		kubectl + " apply -f " + filepath.Join(folder, "rules.yaml"),
	}
	// Neither side finds what a round before it has made.
	afresh := func() []string {
		gone := "virtualservice/" + shiftedService + " destinationrule/" + shiftedService + " configmap/mesh-route-history-" + shiftedService
		return []string{"sh", "-c", kubectl + " delete --ignore-not-found " + gone}
	}
	return rounds(ctx, s, runs, []command{
		{name: "route list -A", args: []string{plugin, "route", "list", "-A"}},
		{name: "the lists of route", args: []string{self, "-lists=route"}},
		{name: "route shift", before: afresh(), args: []string{
			plugin, "route", "shift", shiftedService, "v1=80", "v2=20", "-n", shiftedNamespace, "-y", "--wait=false",
		}},
		{name: "kubectl get, apply, apply", before: afresh(), args: []string{"sh", "-ec", strings.Join(calls, "; ")}},
	})
}

const shiftedVersions = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: svc-0
spec:
  host: svc-0
  subsets:
  - name: v1
    labels: {version: v1}
  - name: v2
    labels: {version: v2}
`

const shiftedRules = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: svc-0
spec:
  hosts: [svc-0]
  http:
  - route:
    - destination: {host: svc-0, subset: v1}
      weight: 80
    - destination: {host: svc-0, subset: v2}
      weight: 20
`
