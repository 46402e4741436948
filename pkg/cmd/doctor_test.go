package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
)

// kubectlMesh runs the program and returns its exit code and what it wrote.
func kubectlMesh(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &o, ErrOut: &e}
	code = Main(append([]string{"kubectl-mesh"}, args...), streams)
	return code, o.String(), e.String()
}

func TestDoctorOnRecordedClusters(t *testing.T) {
	recordings, err := filepath.Glob("../../test/recordings/*.yaml.gz")
	require.NoError(t, err)
	require.NotEmpty(t, recordings)
	files := &golden.Files{}
	for _, path := range recordings {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml.gz")
		t.Run(name, func(t *testing.T) {
			code, out, errOut := kubectlMesh(t, "", "doctor", "-A", "-f", path, "-o", "short")
			assert.Empty(t, errOut)
			assert.Equal(t, strings.Contains(out, "error "), code == exitNo, "exit code %d", code)
			files.Check(t, filepath.Join("testdata", name+".txt"), out)
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/*.txt")
	}
}

func TestARecordingOfARecordingGivesTheSameReport(t *testing.T) {
	const first = "../../test/recordings/4-the-sidecar-is-refused.yaml.gz"
	second := filepath.Join(t.TempDir(), "again.yaml")
	_, want, _ := kubectlMesh(t, "", "doctor", "-A", "-f", first, "-o", "json", "--save", second)
	_, got, errOut := kubectlMesh(t, "", "doctor", "-A", "-f", second, "-o", "json")
	assert.Empty(t, errOut)
	assert.Equal(t, want, got)
	assert.True(t, json.Valid([]byte(got)))
}

func TestBadInputIsOneLineAndExitCode2(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("kind: Pod\n  x: ["), 0o600))
	for name, args := range map[string][]string{
		"a flag that is not":        {"doctor", "--no-such-flag"},
		"a command that is not":     {"dcotor"},
		"a format that is not":      {"doctor", "-o", "xml"},
		"a severity that is not":    {"doctor", "--fail-on", "fatal"},
		"a check that is not":       {"doctor", "--checks", "nope"},
		"a colour that is not":      {"doctor", "--color", "blue"},
		"a file that is not":        {"doctor", "-f", "no-such-file.yaml"},
		"a folder to save to":       {"doctor", "-f", "../../test/recordings/1-a-healthy-mesh.yaml.gz", "--save", "/no/such/folder/x.yaml"},
		"a selector that is broken": {"doctor", "-l", "a=b=c"},
		"-n and -A":                 {"doctor", "-n", "shop", "-A"},
		"a name and -A":             {"doctor", "deploy/web", "-A"},
		"a name alone":              {"doctor", "web"},
		"a check to explain":        {"doctor", "explain", "nope"},
		"a kubeconfig that is not":  {"doctor", "--kubeconfig", "/no/such/kubeconfig"},
		"a broken timeout":          {"doctor", "--request-timeout", "soon", "--server", "http://127.0.0.1:1"},
		"nobody listens":            {"doctor", "--server", "http://127.0.0.1:1", "--request-timeout", "2s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", "/dev/null")
			code, out, errOut := kubectlMesh(t, "", args...)
			assert.Equal(t, exitFailed, code)
			assert.Empty(t, out)
			assert.Regexp(t, `\Aerror: .+\n\z`, errOut)
			assert.Equal(t, 1, strings.Count(errOut, "\n"), errOut)
		})
	}
}

func TestBrokenYAMLNamesFileAndDocumentAndTheRestIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two.yaml")
	require.NoError(t, os.WriteFile(file, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enalbed}}\n---\nkind: [\n"), 0o600))
	code, out, errOut := kubectlMesh(t, "", "doctor", "-f", file)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errOut, file)
	assert.Contains(t, errOut, "document 2")
	assert.Contains(t, out, "Could not look")
}

func TestFormatsWithoutRoomForItSayOnStderrThatNothingCouldBeLookedAt(t *testing.T) {
	for _, format := range []string{"short", "name"} {
		code, out, errOut := kubectlMesh(t, "", "doctor", "-f", "-", "-o", format)
		assert.Equal(t, exitFailed, code)
		assert.Empty(t, out)
		assert.Regexp(t, `\Aerror: nothing found, but \d+ checks could not look; -o table says why\n\z`, errOut)
	}
}

func TestVersionNeedsNoCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "/no/such/kubeconfig")
	code, out, errOut := kubectlMesh(t, "", "version", "--client", "-o", "json")
	assert.Zero(t, code)
	assert.Empty(t, errOut)
	assert.True(t, json.Valid([]byte(out)), out)
}

func TestEveryExampleIsACommandOfOurs(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	root := newRoot("kubectl mesh", streams)
	doctor, _, err := root.Find([]string{"doctor"})
	require.NoError(t, err)
	for _, line := range strings.Split(doctor.Example, "\n") {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "kubectl mesh ")
		if !ok {
			continue
		}
		c, rest, err := newRoot("kubectl mesh", streams).Find(strings.Fields(args))
		require.NoError(t, err, line)
		assert.NoError(t, c.ParseFlags(rest), line)
	}
}
