package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
)

// routeCases are the clusters on which pkg/route is tested.
const routeCases = "../route/testdata/view/"

// routeOutput is a run of "route" on one of routeCases, for a golden file.
func routeOutput(t *testing.T, name string, args ...string) string {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	args = append(args, "-f", filepath.Join(routeCases, name, "cluster.yaml"))
	code, out, errOut := kubectlMesh(t, "", append([]string{"route"}, args...)...)
	return fmt.Sprintf("$ kubectl mesh route %s\n%s%s[exit code %d]\n", strings.Join(args[:len(args)-2], " "), out, errOut, code)
}

func TestRoutesOfFilesAsTheyArePrinted(t *testing.T) {
	files := &golden.Files{}
	for name, runs := range map[string][][]string{
		"jason":                    {{"list"}, {"list", "-o", "wide"}, {"list", "-o", "name"}, {"list", "-o", "json"}, {"describe", "reviews"}, {"describe", "reviews", "-o", "yaml"}},
		"no-rules":                 {{"list"}, {"list", "reviews"}, {"list", "-o", "wide"}, {"describe", "svc/reviews"}},
		"subset-without-endpoints": {{"list"}, {"describe", "reviews"}},
		"fault-and-timeout":        {{"list"}, {"describe", "reviews"}},
		"both-apis":                {{"list"}, {"describe", "reviews"}, {"describe", "reviews", "-n", "shop"}},
		"httproute-rules":          {{"list"}, {"describe", "reviews"}},
		"gateway-merged":           {{"list"}, {"describe", "ratings"}},
		"owners":                   {{"list"}, {"describe", "reviews"}},
		"policies":                 {{"list"}, {"describe", "reviews"}},
		"destination-rule-hidden":  {{"list"}, {"describe", "reviews"}},
		"broken-object":            {{"list"}, {"describe", "reviews"}},
		"static-matches":           {{"describe", "reviews"}},
		"headless":                 {{"describe", "db"}},
		"tls":                      {{"describe", "db"}},
	} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for _, args := range runs {
				all = append(all, routeOutput(t, name, args...))
			}
			files.Check(t, filepath.Join("testdata/route", name+".txt"), strings.Join(all, "\n"))
		})
	}
	if !t.Failed() {
		files.Unused(t, "testdata/route/*.txt")
	}
}

func TestRoutesFitA100ColumnTerminal(t *testing.T) {
	cases, err := filepath.Glob(routeCases + "*/cluster.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	t.Setenv("KUBECONFIG", "/dev/null")
	for _, path := range cases {
		_, list, _ := kubectlMesh(t, "", "route", "list", "-f", path)
		_, one, _ := kubectlMesh(t, "", "route", "describe", "reviews", "-f", path)
		for _, line := range strings.Split(list+one, "\n") {
			if strings.HasPrefix(line, "    fix: ") {
				continue // a command to paste stays whole
			}
			assert.LessOrEqual(t, utf8.RuneCountInString(line), 100, "%s: %s", path, line)
		}
	}
}

func TestRoutesForPrograms(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	file := routeCases + "weights/cluster.yaml"
	for format, want := range map[string]string{
		`jsonpath={range .items[*]}{.metadata.name} {.split[1].version}={.split[1].percent}{end}`: "reviews v2=0.1",
		`go-template={{range .items}}{{.metadata.namespace}}/{{.api}}{{end}}`:                     "shop/istio",
		`custom-columns=NAME:.metadata.name,V2:.split[1].percent,WHY:.nothing`:                    "NAME      V2    WHY\nreviews   0.1   <none>\n",
		`name`: "service/reviews\n",
	} {
		code, out, _ := kubectlMesh(t, "", "route", "list", "-f", file, "-o", format)
		assert.Zero(t, code)
		assert.Equal(t, want, out, format)
	}
	_, out, _ := kubectlMesh(t, "", "route", "list", "-f", file, "-o", "json")
	var list struct {
		APIVersion, Kind string
		Items            []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	assert.Equal(t, "mesh.kubectl/v1alpha1", list.APIVersion)
	assert.Equal(t, "RouteList", list.Kind)
	assert.Len(t, list.Items, 1)
}

func TestRouteInputThatIsWrongIsOneLineAndExitCode2(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	file := routeCases + "jason/cluster.yaml"
	for name, run := range map[string]struct {
		args []string
		says string
	}{
		"a service that is not, and one like it": {[]string{"describe", "reveiws", "-f", file, "-n", "shop"}, `there is no service "reveiws" in namespace "shop"; did you mean reviews?`},
		"a service of another namespace":         {[]string{"describe", "reviews", "-f", file, "-n", "bookinfo"}, "did you mean shop/reviews?"},
		"a service to list that is not":          {[]string{"list", "nope", "-f", file}, `there is no service "nope"`},
		"no service":                             {[]string{"describe", "-f", file}, "name a service"},
		"two services":                           {[]string{"describe", "a", "b", "-f", file}, "too many arguments: b"},
		"no service at all":                      {[]string{"describe", "deploy/reviews", "-f", file}, "name a service"},
		"a format that is not":                   {[]string{"list", "-o", "xml", "-f", file}, "--output xml: use one of table, wide,"},
		"a broken path":                          {[]string{"list", "-o", "jsonpath={.x", "-f", file}, "--output jsonpath"},
		"broken columns":                         {[]string{"list", "-o", "custom-columns=NAME", "-f", file}, "HEADER:PATH"},
		"a broken selector":                      {[]string{"list", "-l", "a=b=c", "-f", file}, "--selector"},
		"-n and -A":                              {[]string{"list", "-n", "shop", "-A", "-f", file}, "-n and -A"},
		"to watch files":                         {[]string{"list", "-w", "-f", file}, "--watch"},
		"a file that is not":                     {[]string{"list", "-f", "no-such-file"}, "no-such-file"},
		"nobody listens":                         {[]string{"list", "-A", "--server", "http://127.0.0.1:1", "--request-timeout", "2s"}, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := kubectlMesh(t, "", append([]string{"route"}, run.args...)...)
			assert.Equal(t, exitFailed, code)
			assert.Empty(t, out)
			assert.Regexp(t, `\Aerror: .+\n\z`, errOut)
			assert.Contains(t, errOut, run.says)
		})
	}
}

func TestRoutesOfAClusterThatWasNotReadWholeEndWithExitCode2(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	text, err := os.ReadFile(routeCases + "jason/cluster.yaml")
	require.NoError(t, err)
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, append(text, "---\nkind: [\n"...), 0o600))
	code, out, errOut := kubectlMesh(t, "", "route", "list", "-f", broken)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, out, "reviews")
	assert.Contains(t, errOut, "not everything is known")

	require.NoError(t, os.WriteFile(broken, []byte("a: [1\n"), 0o600))
	code, out, errOut = kubectlMesh(t, "", "route", "list", "-f", broken)
	assert.Empty(t, out)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errOut, "error: no services are known: could not read services: not in the files\n")
}

func TestTextOfTheClusterIsEscaped(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	text, err := os.ReadFile(routeCases + "jason/cluster.yaml")
	require.NoError(t, err)
	evil := filepath.Join(t.TempDir(), "evil.yaml")
	require.NoError(t, os.WriteFile(evil, []byte(strings.ReplaceAll(string(text), "exact: jason", `exact: "ja\e[31mson\nx"`)), 0o600))
	for _, args := range [][]string{{"list", "-o", "wide"}, {"describe", "reviews"}} {
		_, out, _ := kubectlMesh(t, "", append(append([]string{"route"}, args...), "-f", evil)...)
		assert.NotContains(t, out, "\x1b")
	}
	_, out, _ := kubectlMesh(t, "", "route", "describe", "reviews", "-f", evil)
	assert.Contains(t, out, "ja^[[31mson x")
}

func TestServicesAreListedByTheirLabels(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	file := filepath.Join(t.TempDir(), "two.yaml")
	require.NoError(t, os.WriteFile(file, []byte("apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {team: blue}}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: b, labels: {team: green}}\n"), 0o600))
	_, out, _ := kubectlMesh(t, "", "route", "list", "-l", "team=green", "-o", "custom-columns=N:.metadata.name", "-f", file)
	assert.Equal(t, "N\nb\n", out)
}

func TestEveryExampleOfRouteIsACommandOfOurs(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	for _, name := range []string{"list", "describe"} {
		c, _, err := newRoot("kubectl mesh", streams).Find([]string{"route", name})
		require.NoError(t, err)
		for _, line := range strings.Split(c.Example, "\n") {
			args, ok := strings.CutPrefix(strings.TrimSpace(line), "kubectl mesh ")
			if !ok {
				continue
			}
			args, _, _ = strings.Cut(args, " '")
			args, _, _ = strings.Cut(args, " -o jsonpath")
			found, rest, err := newRoot("kubectl mesh", streams).Find(strings.Fields(args))
			require.NoError(t, err, line)
			assert.NoError(t, found.ParseFlags(rest), line)
			assert.Equal(t, name, found.Name())
		}
	}
}
