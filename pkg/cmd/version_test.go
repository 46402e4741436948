package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// recorded are the versions that run in a recorded cluster.
func recorded(t *testing.T, client clientVersion, edit func(*mesh.Snapshot)) *clusterVersions {
	t.Helper()
	s, _, err := cluster.ReadFiles(t.Context(), cluster.FileQuery{Paths: []string{healthyMesh}})
	require.NoError(t, err)
	edit(s)
	skew, err := choose(checks.All(), []string{"proxy-version-skew"}, nil)
	require.NoError(t, err)
	return versionsOf(s, client, diagnose.Run(s, skew, diagnose.Options{}))
}

func TestVersionsOfARecordedCluster(t *testing.T) {
	v := recorded(t, clientVersion{Library: "v0.35.0", Istio: "1.29.1"}, func(*mesh.Snapshot) {})
	assert.Equal(t, &clusterVersions{
		Server:        "v1.35.4",
		ControlPlanes: []planeVersion{{Revision: "default", Namespace: "istio-system", Tags: []string{}, Version: "1.29.1"}},
		Proxies:       []proxyCount{{"1.29.1", 7}},
		Warnings:      []string{}, Unknown: []string{},
	}, v)
	var out strings.Builder
	require.NoError(t, v.text(&out))
	assert.Equal(t, "Server: v1.35.4\nistiod: 1.29.1 (revision default, namespace istio-system)\nProxies: 1.29.1 (7)\n", out.String())
}

func TestVersionsThatAreTooFarApart(t *testing.T) {
	v := recorded(t, clientVersion{Library: "v0.33.1", Istio: "1.27.0"}, func(s *mesh.Snapshot) {
		for _, p := range s.Pods {
			if p.Namespace == "bookinfo" {
				mesh.Proxy(&p.Spec).Image = "docker.io/istio/proxyv2:1.26.3"
			}
		}
	})
	assert.Equal(t, []string{
		"the Kubernetes libraries v0.33.1 in this program and the API server's v1.35.4 are more than one minor version apart",
		"istiod 1.29.1 of revision default is more than one minor version from the Istio 1.27.0 in this program: have it inject by itself, with inject --from webhook",
		"proxies of 6 workloads in namespace bookinfo are of version 1.26, more than one minor version behind istiod 1.29 of revision default",
	}, v.Warnings)
	assert.Equal(t, []proxyCount{{"1.26.3", 6}, {"1.29.1", 1}}, v.Proxies)
}

func TestVersionsThatAreNotKnown(t *testing.T) {
	v := recorded(t, clientVersion{Library: "v0.35.0", Istio: "1.29.1"}, func(s *mesh.Snapshot) {
		*s = mesh.Snapshot{
			Read: []mesh.Extent{{Kind: mesh.MutatingWebhooks}},
			Gaps: []mesh.Gap{
				{Kind: mesh.ServerVersion, Reason: "timed out after 15s"},
				{Kind: mesh.Pods, Verb: "list", Reason: "forbidden"}, {Kind: mesh.Deployments, Verb: "list", Reason: "forbidden"},
			},
		}
	})
	assert.Equal(t, &clusterVersions{Warnings: []string{}, Unknown: []string{"could not read /version: timed out after 15s", "may not list deployments.apps", "may not list pods"}}, v)
	var out strings.Builder
	require.NoError(t, v.text(&out))
	assert.Equal(t, "Server: ?\nistiod: ?\nProxies: ?\n", out.String())
}

func TestApart(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.29.1", "1.28.9", false}, {"1.29.1", "1.30.0-rc.0", false}, {"1.29.1", "1.27.9", true}, {"1.29.1", "1.31.0", true},
		{"1.29.1", "2.29.1", true}, {"v1.35.0", "v1.33.5+k3s1", true}, {"v1.35.0", "v1.34.1-gke.2037000", false},
		{"1.29.1", "", false}, {"1.29.1", "latest", false}, {"(devel)", "v1.35.4", false},
	} {
		assert.Equal(t, c.want, apart(c.a, c.b), "%s and %s", c.a, c.b)
	}
}

func TestVersionWithoutACluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "/nowhere")
	for _, format := range []string{"json", "yaml", ""} {
		code, out, errOut := kubectlMesh(t, "", "version", "--client", "--output="+format)
		assert.Zero(t, code)
		assert.Empty(t, errOut)
		assert.Contains(t, out, "1.29.1")
		assert.NotContains(t, strings.ToLower(out), "server")
	}
	code, out, errOut := kubectlMesh(t, "", "version", "-o", "json", "--server", "http://127.0.0.1:1")
	assert.Equal(t, exitFailed, code)
	assert.True(t, json.Valid([]byte(out)), out)
	assert.Regexp(t, `\Aerror: .*127\.0\.0\.1:1.*--client does not ask.*\n\z`, errOut)
}
