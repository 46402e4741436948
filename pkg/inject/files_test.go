package inject_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

const (
	fileConfig = "policy: enabled\ntemplates: {sidecar: 'metadata: {labels: {a: b}}'}\n"
	fileMesh   = "defaultConfig: {concurrency: 3}\n"
	fileValues = `{"global": {"tag": "1.29.1"}, "revision": "canary"}`
)

// manifest is a ConfigMap with a key for every two strings.
func manifest(name string, data ...string) string {
	entries := map[string]string{}
	for i := 0; i < len(data); i += 2 {
		entries[data[i]] = data[i+1]
	}
	out, _ := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]string{"name": name}, "data": entries})
	return string(out)
}

func TestSettingsFromFiles(t *testing.T) {
	want := inject.Settings{Revision: "canary", Config: fileConfig, Values: fileValues, MeshConfig: fileMesh, NativeSidecars: "auto"}
	injector := manifest("istio-sidecar-injector", "config", fileConfig, "values", fileValues)
	istio := manifest("istio", "mesh", fileMesh, "meshNetworks", "networks: {}")
	both := fmt.Sprintf(`{"apiVersion": "v1", "kind": "List", "items": [%s, %s]}`, istio, injector)

	for name, c := range map[string]struct{ config, mesh, values string }{
		"the keys' texts":             {fileConfig, fileMesh, fileValues},
		"the ConfigMaps":              {injector, istio, injector},
		"one ConfigMap for two keys":  {injector, istio, ""},
		"one list for all":            {both, "", " \n"},
		"one list for each":           {both, both, both},
		"one stream of documents":     {"# saved\n---\n" + istio + "\n---\n" + injector + "\n---\n", "", ""},
		"the data of the ConfigMaps":  {data(injector), data(istio), data(injector)},
		"a mix":                       {data(injector), istio, fileValues},
		"lists of the command's kind": {strings.Replace(both, `"List"`, `"ConfigMapList"`, 1), fileMesh, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inject.FromFiles(inject.Files{Config: []byte(c.config), Mesh: []byte(c.mesh), Values: []byte(c.values)})
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// data is what stands under data in a manifest.
func data(manifest string) string {
	var o struct{ Data json.RawMessage }
	_ = json.Unmarshal([]byte(manifest), &o)
	return string(o.Data)
}

func TestWhatFilesSayOfIstiod(t *testing.T) {
	for name, c := range map[string]struct {
		values, revision string
		want             inject.Settings
	}{
		"nothing":                       {"global: {}", "", inject.Settings{Revision: "default", NativeSidecars: "auto"}},
		"the default revision":          {"{global: {}, revision: ''}", "", inject.Settings{Revision: "default", NativeSidecars: "auto"}},
		"a revision":                    {"{global: {}, revision: canary}", "", inject.Settings{Revision: "canary", NativeSidecars: "auto"}},
		"a revision, and one asked for": {"{global: {}, revision: canary}", "prod", inject.Settings{Revision: "prod", NativeSidecars: "auto"}},
		"a release with native ones":    {"global: {tag: 1.28.0}", "", inject.Settings{Revision: "default", NativeSidecars: "auto"}},
		"a release without native ones": {"global: {tag: 1.27.3-distroless}", "", inject.Settings{Revision: "default", NativeSidecars: "false"}},
		"a tag that is no release":      {"global: {tag: latest}", "", inject.Settings{Revision: "default", NativeSidecars: "auto"}},
		"native ones turned on": {
			"{global: {tag: 1.27.0}, pilot: {env: {ENABLE_NATIVE_SIDECARS: true}}}", "", inject.Settings{Revision: "default", NativeSidecars: "true"},
		},
		"native ones turned off": {
			"{global: {}, pilot: {env: {ENABLE_NATIVE_SIDECARS: 'false'}}}", "", inject.Settings{Revision: "default", NativeSidecars: "false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Config, c.want.MeshConfig, c.want.Values = fileConfig, fileMesh, c.values
			got, err := inject.FromFiles(inject.Files{Config: []byte(fileConfig), Mesh: []byte(fileMesh), Values: []byte(c.values), Revision: c.revision})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestInjectionConfigurationsThatIstioctlTakes(t *testing.T) {
	for name, config := range map[string]string{
		"with a policy":        "{policy: enabled, templates: {sidecar: 'metadata: {labels: {a: b}}'}}",
		"without a policy":     "templates: {sidecar: 'metadata: {labels: {a: b}}'}",
		"the sidecar's alone":  "metadata:\n  labels: {a: {{ `b` }}}\nspec: {}\n",
		"the same, but a YAML": "metadata: {labels: {a: b}}\nspec: {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := inject.FromFiles(inject.Files{Config: []byte(config), Mesh: []byte("{}"), Values: []byte("global: {}")})
			require.NoError(t, err)
			require.Equal(t, "b", injected(t, s, pod()).Labels["a"])
		})
	}
}

func TestFilesOfTheWrongSort(t *testing.T) {
	const (
		config = "injection configuration: expected key config of ConfigMap istio-sidecar-injector, got "
		mesh   = "mesh configuration: expected key mesh of ConfigMap istio, got "
		values = "injection values: expected key values of ConfigMap istio-sidecar-injector, got "
	)
	istio := manifest("istio", "mesh", fileMesh)
	for name, c := range map[string]struct{ config, mesh, values, want string }{
		"no configuration":                         {"", fileMesh, fileValues, config + "nothing"},
		"a configuration that is mesh":             {fileMesh, fileMesh, fileValues, config + "a mesh configuration"},
		"a configuration that is values":           {fileValues, fileMesh, fileValues, config + "the values of an installation"},
		"a configuration that is another map":      {istio, fileMesh, fileValues, config + "ConfigMap istio"},
		"a configuration that is a workload":       {"{kind: Pod, spec: {}}", fileMesh, fileValues, config + "a Pod"},
		"a configuration that is a few":            {"kind: Pod\n---\nkind: Service\nmetadata: {name: a}", fileMesh, fileValues, config + "a Pod, Service a"},
		"a configuration of years ago":             {"template: x", fileMesh, fileValues, config + "something else"},
		"a configuration that is text":             {"hello", fileMesh, fileValues, config + "neither YAML nor JSON: it has no fields"},
		"a configuration that is broken":           {"a: [", fileMesh, fileValues, config + "neither YAML nor JSON: yaml: line 1: did not find expected node content"},
		"a configuration that is there twice":      {manifest("a", "config", "x") + "\n---\n" + manifest("b", "config", "y"), fileMesh, fileValues, config + "2 of them: leave one"},
		"a ConfigMap with a broken configuration":  {manifest("a", "config", "a: ["), fileMesh, fileValues, "injection configuration: yaml: line 1: did not find expected node content"},
		"mesh that is a configuration":             {fileConfig, fileConfig, fileValues, mesh + "the injector's configuration"},
		"mesh that is values":                      {fileConfig, fileValues, fileValues, mesh + "the values of an installation"},
		"mesh that is an IstioOperator":            {fileConfig, "{kind: IstioOperator, metadata: {name: x}, spec: {}}", fileValues, mesh + "IstioOperator x"},
		"no mesh":                                  {fileConfig, "", fileValues, "mesh configuration: none given: expected key mesh of ConfigMap istio"},
		"values that are mesh":                     {fileConfig, fileMesh, fileMesh, values + "a mesh configuration"},
		"values that are a configuration":          {fileConfig, fileMesh, fileConfig, values + "the injector's configuration"},
		"values that are a list":                   {fileConfig, fileMesh, "[a]", values + "neither YAML nor JSON: it has no fields"},
		"values with a revision that is an object": {fileConfig, fileMesh, "{global: {}, revision: {}}", "injection values: cannot unmarshal object into Go struct field .Revision of type string"},
		"no values": {fileConfig, fileMesh, "", "injection values: none given: expected key values of ConfigMap istio-sidecar-injector"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inject.FromFiles(inject.Files{Config: []byte(c.config), Mesh: []byte(c.mesh), Values: []byte(c.values)})
			require.EqualError(t, err, c.want)
		})
	}
}
