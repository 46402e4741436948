package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

const healthyMesh = "../../test/recordings/1-a-healthy-mesh.yaml.gz"

func TestStatusOfARecordedCluster(t *testing.T) {
	code, out, errOut := kubectlMesh(t, "", "status", "-A", "-f", healthyMesh)
	assert.Zero(t, code)
	assert.Empty(t, errOut)
	assert.Equal(t, `NAMESPACE      MODE      REVISION   TAG   WORKLOADS   IN-MESH   PROXY    TO-RESTART
bookinfo       sidecar   default    -     6           6/6       1.29.1   0
istio-system   mixed     -          -     2           1/1       1.29.1   0
4 namespaces outside the mesh
`, out)
	_, unnamed, _ := kubectlMesh(t, "", "status", "-f", healthyMesh)
	assert.Equal(t, out, unnamed, "files are about all namespaces")

	code, out, _ = kubectlMesh(t, "", "status", "-n", "default", "-f", healthyMesh)
	assert.Zero(t, code)
	assert.Equal(t, `NAMESPACE   MODE   REVISION   TAG   WORKLOADS   IN-MESH   PROXY   TO-RESTART
default     off    -          -     0           0/0       -       0
`, out, "what was named is shown")

	code, out, _ = kubectlMesh(t, "", "status", "-A", "-f", healthyMesh, "-o", "name")
	assert.Zero(t, code)
	assert.Equal(t, "namespace/bookinfo\nnamespace/istio-system\n", out)

	_, out, _ = kubectlMesh(t, "", "status", "-A", "-f", healthyMesh, "-o", "json")
	var report struct {
		APIVersion, Kind string
		Namespaces       []struct{ Name, Mode string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.Equal(t, "mesh.kubectl/v1alpha1 MeshStatus", report.APIVersion+" "+report.Kind)
	assert.Len(t, report.Namespaces, 6, "all of them")
}

func TestStatusThatIsNotAllKnownEndsWith2(t *testing.T) {
	manifest := "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n"
	code, out, errOut := kubectlMesh(t, manifest, "status", "-f", "-")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, out, "shop        ?")
	assert.Equal(t, "error: not everything is known: could not read mutatingwebhookconfigurations.admissionregistration.k8s.io: not in the files; could not read pods: not in the files\n", errOut)
}

func TestBadInputOfStatusAndEnable(t *testing.T) {
	for name, args := range map[string][]string{
		"status: a format that is not":     {"status", "-o", "xml"},
		"status: -n and -A":                {"status", "-n", "shop", "-A"},
		"status: a name":                   {"status", "shop"},
		"status: a file that is not":       {"status", "-f", "no-such-file.yaml"},
		"status: nobody listens":           {"status", "--server", "http://127.0.0.1:1", "--request-timeout", "2s"},
		"enable: no name":                  {"enable"},
		"enable: two names":                {"enable", "shop", "pay"},
		"enable: no name of a namespace":   {"enable", "Shop!"},
		"enable: -n":                       {"enable", "shop", "-n", "shop"},
		"enable: a dry run that is not":    {"enable", "shop", "--dry-run=maybe"},
		"enable: a timeout that is not":    {"enable", "shop", "--wait", "--timeout", "0s"},
		"enable: nobody listens":           {"enable", "shop", "-y", "--server", "http://127.0.0.1:1", "--request-timeout", "2s"},
		"disable: a revision":              {"disable", "shop", "--revision", "canary"},
		"disable: a kubeconfig that isn't": {"disable", "shop", "--kubeconfig", "/no/such/kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", "/dev/null")
			code, out, errOut := kubectlMesh(t, "", args...)
			assert.Equal(t, exitFailed, code)
			assert.Empty(t, out)
			assert.Regexp(t, `\Aerror: [^\n]+\n\z`, errOut)
		})
	}
}

func TestExamplesOfNamespaceCommandsAreCommands(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	for _, name := range []string{"status", "enable", "disable"} {
		c, _, err := newRoot("kubectl mesh", streams).Find([]string{name})
		require.NoError(t, err)
		tried := 0
		for _, line := range strings.Split(c.Example, "\n") {
			args, ok := strings.CutPrefix(strings.TrimSpace(line), "kubectl mesh ")
			if !ok {
				continue
			}
			tried++
			of, rest, err := newRoot("kubectl mesh", streams).Find(strings.Fields(args))
			require.NoError(t, err, line)
			require.NoError(t, of.ParseFlags(rest), line)
			assert.NoError(t, of.ValidateArgs(of.Flags().Args()), line)
		}
		assert.Greater(t, tried, 2, name)
	}
}
