package cmd

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestFlagsOfInjectThatDoNotGoTogether(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	const file = "no-such-file.yaml" // never read
	three := []string{"--inject-config-file", "a", "--mesh-config-file", "b", "--values-file", "c"}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing to work on":              {nil, "nothing to work on: name files with -f, a kustomization with -k, or an object as TYPE/NAME"},
		"files and objects":               {[]string{"-f", file, "deploy/web"}, `name either files or objects of the cluster, not both: ["deploy/web"]`},
		"files and labels":                {[]string{"-f", file, "-l", "app=web"}, "-l selects objects of the cluster; with files name the files"},
		"two ways to go":                  {[]string{"-f", file, "--in-place", "--diff"}, "--in-place and --diff cannot be used together"},
		"check and compare":               {[]string{"-f", file, "--check", "--compare", "builtin"}, "--check and --compare cannot be used together"},
		"diff and apply":                  {[]string{"-f", file, "--diff", "--apply"}, "--diff and --apply cannot be used together"},
		"unknown format":                  {[]string{"-f", file, "-o", "xml"}, "--output xml: use yaml or json"},
		"unknown report":                  {[]string{"-f", file, "--report", "xml"}, "--report xml: use text, json or none"},
		"unknown dry run":                 {[]string{"-f", file, "--apply", "--dry-run", "maybe"}, "--dry-run maybe: use none, client or server"},
		"dry run of nothing":              {[]string{"-f", file, "--dry-run", "server"}, "--dry-run is for --apply; without it nothing is written to the cluster"},
		"stdin in place":                  {[]string{"-f", "-", "--in-place"}, "--in-place cannot write - back; name files"},
		"URL in place":                    {[]string{"-f", "https://example.com/a.yaml", "--in-place"}, "--in-place cannot write https://example.com/a.yaml back; name files"},
		"kustomization in place":          {[]string{"-k", "x", "--in-place"}, "--in-place needs files that can be written back, named with -f"},
		"kustomization and file in place": {[]string{"-f", file, "-k", "x", "--in-place"}, "--in-place cannot write a kustomization back; name its files with -f"},
		"object in place":                 {[]string{"deploy/web", "--in-place"}, "--in-place needs files that can be written back, named with -f"},
		"JSON in place":                   {[]string{"-f", file, "--in-place", "-o", "json"}, "--in-place keeps files as they are written; leave -o out"},
		"unknown source":                  {[]string{"-f", file, "--from", "chart"}, "--from chart: use cluster, webhook, files or builtin"},
		"unknown source to compare":       {[]string{"-f", file, "--compare", "chart"}, "--compare chart: use cluster, webhook, files or builtin"},
		"compared with itself":            {[]string{"-f", file, "--compare", "cluster"}, "--compare cluster: it is what --from says too; name another"},
		"files compared with themselves":  {append([]string{"-f", file, "--from", "files", "--compare", "files"}, three...), "--compare files: it is what --from says too; name another"},
		"no files":                        {[]string{"-f", file, "--from", "files"}, "--from files needs --inject-config-file, --mesh-config-file and --values-file"},
		"one file of three":               {[]string{"-f", file, "--valuesFile", "v"}, "--from files needs --inject-config-file, --mesh-config-file and --values-file"},
		"no files to compare":             {[]string{"-f", file, "--compare", "files"}, "--from files needs --inject-config-file, --mesh-config-file and --values-file"},
		"files for another source":        {append([]string{"-f", file, "--from", "cluster"}, three...), "--inject-config-file, --mesh-config-file and --values-file are for --from files"},
		"values for a cluster":            {[]string{"-f", file, "--set", "a=b"}, "--set is for --from builtin: a cluster has its own values"},
		"values for two clusters":         {[]string{"-f", file, "--set", "a=b", "--compare", "webhook"}, "--set is for --from builtin: a cluster has its own values"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := kubectlMesh(t, "", append([]string{"inject"}, c.args...)...)
			assert.Equal(t, exitFailed, code)
			assert.Empty(t, out)
			assert.Equal(t, "error: "+c.want+"\n", errOut)
		})
	}
}

func TestWhichSourceFlagsMean(t *testing.T) {
	files := sourceFlags{injectConfig: "a", meshConfig: "b", values: "c"}
	with := func(f sourceFlags, from string, named bool) sourceFlags {
		f.from, f.named = from, named
		return f
	}
	for name, c := range map[string]struct {
		flags   sourceFlags
		compare string
		want    string
	}{
		"nothing named":                 {with(sourceFlags{}, fromCluster, false), "", fromCluster},
		"the three files alone":         {with(files, fromCluster, false), "", fromFiles},
		"the three files, compared":     {with(files, fromCluster, false), fromFiles, fromCluster},
		"the three files and a cluster": {with(files, fromCluster, false), fromCluster, fromFiles},
		"files named":                   {with(files, fromFiles, true), fromWebhook, fromFiles},
		"values to compare with":        {with(sourceFlags{set: []string{"a=b"}}, fromCluster, false), fromBuiltin, fromCluster},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.flags
			require.NoError(t, f.validate(c.compare))
			assert.Equal(t, c.want, f.from)
		})
	}
}

func TestFlagsInIstioctlsSpelling(t *testing.T) {
	c := newInject(genericclioptions.NewConfigFlags(true), "kubectl mesh", genericiooptions.NewTestIOStreamsDiscard())
	require.NoError(t, c.ParseFlags([]string{"--injectConfigFile=a", "--meshConfigFile", "b", "--valuesFile=c", "--inPlace", "-R"}))
	for flag, want := range map[string]string{
		"inject-config-file": "a", "mesh-config-file": "b", "values-file": "c", "in-place": "true", "recursive": "true", "from": "cluster",
	} {
		assert.Equal(t, want, c.Flags().Lookup(flag).Value.String(), flag)
	}
	assert.Equal(t, "request-timeout", string(dashed(nil, "request-timeout")))
	assert.Equal(t, "R", string(dashed(nil, "R")))
	assert.Equal(t, "set", string(dashed(nil, "Set")))
}
