package inject_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

const builtinMesh = `defaultConfig:
  discoveryAddress: istiod.istio-system.svc:15012
defaultProviders:
  metrics:
  - prometheus
enablePrometheusMerge: true
rootNamespace: istio-system
trustDomain: cluster.local`

func TestBuiltinSettings(t *testing.T) {
	plain := inject.Settings{Revision: "default", MeshConfig: builtinMesh, Path: "/inject", NativeSidecars: "auto"}
	canary, native, older, logging := plain, plain, plain, plain
	canary.Revision = "canary"
	canary.MeshConfig = strings.Replace(builtinMesh, "istiod.", "istiod-canary.", 1)
	native.NativeSidecars = "true"
	older.NativeSidecars = "false"
	logging.MeshConfig = "accessLogFile: /dev/stdout\n" + builtinMesh

	for name, c := range map[string]struct {
		options inject.BuiltinOptions
		want    inject.Settings
		image   string
	}{
		"nothing set":                          {inject.BuiltinOptions{}, plain, "docker.io/istio/proxyv2:1.29.1"},
		"a profile":                            {set("profile=minimal"), plain, "docker.io/istio/proxyv2:1.29.1"},
		"a revision":                           {inject.BuiltinOptions{Revision: "canary"}, canary, "docker.io/istio/proxyv2:1.29.1"},
		"a revision among the settings":        {set("revision=canary"), canary, "docker.io/istio/proxyv2:1.29.1"},
		"a revision that is stronger":          {inject.BuiltinOptions{Set: []string{"values.revision=x"}, Revision: "canary"}, canary, "docker.io/istio/proxyv2:1.29.1"},
		"the default revision by its name":     {inject.BuiltinOptions{Revision: "default"}, plain, "docker.io/istio/proxyv2:1.29.1"},
		"hub and tag":                          {set("hub=mirror.example/istio", "tag=1.29.1-distroless"), plain, "mirror.example/istio/proxyv2:1.29.1-distroless"},
		"hub and tag among the values":         {set("values.global.hub=mirror.example/istio", "values.global.tag=7"), plain, "mirror.example/istio/proxyv2:7"},
		"a path of the mesh configuration":     {set("meshConfig.accessLogFile=/dev/stdout"), logging, "docker.io/istio/proxyv2:1.29.1"},
		"istiod told to inject native ones":    {set("values.pilot.env.ENABLE_NATIVE_SIDECARS=true"), native, "docker.io/istio/proxyv2:1.29.1"},
		"istiod told to behave like an older":  {set("compatibilityVersion=1.26"), older, "docker.io/istio/proxyv2:1.29.1"},
		"later settings are stronger":          {set("tag=1", "tag=2"), plain, "docker.io/istio/proxyv2:2"},
		"a file":                               {files(t, "spec: {tag: 1.29.0}"), plain, "docker.io/istio/proxyv2:1.29.0"},
		"a file that names the hub for tests":  {files(t, "spec: {hub: gcr.io/istio-testing}"), plain, "gcr.io/istio-testing/proxyv2:1.29.1"},
		"later files are stronger":             {files(t, "spec: {tag: a, hub: b}", "spec: {tag: c}"), plain, "b/proxyv2:c"},
		"settings are stronger than files":     {inject.BuiltinOptions{Files: files(t, "spec: {tag: 1.29.0}").Files, Set: []string{"tag=x"}}, plain, "docker.io/istio/proxyv2:x"},
		"a profile without istiod, and istiod": {set("profile=empty", "components.pilot.enabled=true"), plain, "docker.io/istio/proxyv2:1.29.1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inject.Builtin(c.options)
			require.NoError(t, err)

			rest := got
			rest.Config, rest.Values = "", ""
			require.Equal(t, c.want, rest)

			p := injected(t, got, pod())
			require.Equal(t, c.image, p.Spec.InitContainers[0].Image)

			again, err := inject.Builtin(c.options)
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
}

func TestBuiltinHasTheTemplatesOfTheRelease(t *testing.T) {
	s, err := inject.Builtin(inject.BuiltinOptions{})
	require.NoError(t, err)
	r, err := engine(t, s).Inject(pod(annotated("inject.istio.io/templates", "nosuch")), "shop")
	require.NoError(t, err)
	require.Equal(t, `failed to run injection template: requested template "nosuch" not found; have `+
		`agentgateway, gateway, grpc-agent, grpc-simple, kube-gateway, sidecar, waypoint`, r.Refusal)
}

func TestBuiltinRefusesSettings(t *testing.T) {
	for name, c := range map[string]struct {
		options inject.BuiltinOptions
		want    string
	}{
		"no value":                     {set("profile"), `setting "profile" is not of the form path=value, like values.global.proxy.logLevel=debug`},
		"no path":                      {set("=demo"), `setting "=demo" is not of the form path=value, like values.global.proxy.logLevel=debug`},
		"a value with an equals sign":  {set("values.pilot.env.A=b=c"), `setting "values.pilot.env.A=b=c" has a second =, which Istio does not take in a value: give it in an IstioOperator file`},
		"unknown profile":              {set("profile=nosuch"), `setting profile=nosuch: profile "nosuch" not found: open profiles/nosuch.yaml: file does not exist`},
		"unknown path":                 {set("profile=demo", "values.nosuch=1", "tag=x"), `setting values.nosuch=1: unknown field "nosuch" in istio.operator.v1alpha1.Values`},
		"a value where fields belong":  {set("values.global=1"), "setting values.global=1: not a map, got int: 1 int"},
		"a number where text belongs":  {set("meshConfig.accessLogFile=1"), "setting meshConfig.accessLogFile=1: cannot unmarshal number into Go value of type string"},
		"a revision that is no name":   {inject.BuiltinOptions{Revision: "Bad_"}, "setting revision=Bad_: invalid revision specified: Bad_"},
		"a chart refuses":              {set("values.global.platform=moon"), "setting values.global.platform=moon: execution error at (istiod/templates/zzz_profile.yaml:45:3): unknown platform moon"},
		"no istiod":                    {set("profile=empty"), "setting profile=empty: no control plane that injects is then installed"},
		"no injection":                 {set("values.global.omitSidecarInjectorConfigMap=true"), "setting values.global.omitSidecarInjectorConfigMap=true: no control plane that injects is then installed"},
		"a fault after one that heals": {set("profile=empty", "components.pilot.enabled=true", "nosuch=1"), `setting nosuch=1: unknown field "nosuch"`},
		"other charts":                 {set("installPackagePath=/charts"), "setting installPackagePath=/charts: only the charts of Istio 1.29.1 are there"},
		"standard input":               {inject.BuiltinOptions{Files: []string{"-"}}, "an IstioOperator cannot be read from standard input: name a file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inject.Builtin(c.options)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestBuiltinRefusesFiles(t *testing.T) {
	charts := t.TempDir()
	require.NoError(t, os.Mkdir(charts+"/profiles", 0o700))
	require.NoError(t, os.WriteFile(charts+"/profiles/default.yaml", []byte("spec: {}"), 0o600))
	for name, c := range map[string]struct{ text, want string }{
		"unknown path":     {"spec: {nosuch: 1}", `unknown field "nosuch"`},
		"other charts":     {"spec: {installPackagePath: " + charts + "}", "installPackagePath " + charts + ": only the charts of Istio 1.29.1 are there"},
		"several in one":   {"---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator", "contains multiple IstioOperator CRs, only one per file is supported"},
		"no YAML":          {"spec: [", "unable to parse file: yaml: line 3: did not find expected node content"},
		"no control plane": {"spec: {profile: empty}", "no control plane that injects is then installed"},
	} {
		t.Run(name, func(t *testing.T) {
			o := files(t, c.text)
			o.Set = []string{"tag=1"}
			_, err := inject.Builtin(o)
			require.EqualError(t, err, "IstioOperator "+o.Files[0]+": "+c.want)
		})
	}
}

func set(settings ...string) inject.BuiltinOptions { return inject.BuiltinOptions{Set: settings} }

// files are IstioOperators with the given specs.
func files(t *testing.T, texts ...string) inject.BuiltinOptions {
	t.Helper()
	var o inject.BuiltinOptions
	for _, text := range texts {
		f, err := os.CreateTemp(t.TempDir(), "*.yaml")
		require.NoError(t, err)
		_, err = f.WriteString("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n" + text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		o.Files = append(o.Files, f.Name())
	}
	return o
}
