package cmd

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

const webManifest = `# from a URL
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "example.com/web:1"}]}
`

func TestAManifestFromAURL(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/web.yaml":
			_, _ = w.Write([]byte(webManifest))
		case "/cut.yaml":
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("apiVersion"))
		case "/page.html":
			_, _ = w.Write([]byte("<html>\n<p>log in: first</p>"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()

	code, out, errOut := kubectlMesh(t, "", "inject", "-f", server.URL+"/web.yaml", "--from", "builtin")
	assert.Equal(t, exitDone, code)
	assert.Contains(t, out, "# from a URL\n")
	assert.Contains(t, out, "sidecar.istio.io/status")
	assert.Contains(t, errOut, "deployment/web: injected (revision default, proxy ")

	code, out, errOut = kubectlMesh(t, "", "inject", "-f", server.URL+"/nope.yaml", "--from", "builtin")
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, out)
	assert.Equal(t, "error: "+server.URL+"/nope.yaml: the server answered 404 Not Found\n", errOut)

	code, out, errOut = kubectlMesh(t, "", "inject", "-f", server.URL+"/cut.yaml", "--from", "builtin")
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, out)
	assert.Equal(t, "error: "+server.URL+"/cut.yaml: unexpected EOF\n", errOut)

	server.Close()
	code, out, errOut = kubectlMesh(t, "", "inject", "-f", server.URL+"/web.yaml", "--from", "builtin")
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, out)
	assert.Regexp(t, `^error: http://[^ ]*/web\.yaml: dial tcp [^\n]*connection refused\n$`, errOut)
}

func TestNamesOfTextsInADiff(t *testing.T) {
	for name, want := range map[string]string{
		"a/web.yaml":                   "/a/web.yaml",
		"./web.yaml":                   "/web.yaml",
		"../a/web.yaml":                "/up/a/web.yaml",
		"/tmp/web.yaml":                "/tmp/web.yaml",
		"standard input":               "/standard-input",
		"https://example.com/web.yaml": "/https/example.com/web.yaml",
	} {
		assert.Equal(t, want, diffName(name))
	}
}
