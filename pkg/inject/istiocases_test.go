package inject

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// istioCase is a case of Istio's own TestInjection and
// TestInjectionOlderVersion (istio.io/istio 1.29.1,
// pkg/kube/inject/inject_test.go) in Istio's folder of inputs and results.
type istioCase struct {
	in, want string
	set      []string // settings of the installation
	file     string   // IstioOperator in the folder
	mesh     string   // YAML to put over the mesh configuration
	native   string   // istiod's ENABLE_NATIVE_SIDECARS
	nodes    []string // kubelets' versions
	refusal  string   // is part of it, but for upper and lower case
}

// Every pod is to be exactly what Istio's folder has (Istio's own test leaves
// the status annotation out; this one does not), and every object, made with
// the defaults of the API server, what Istio's becomes with them.
func TestIstiosOwnInjectionCases(t *testing.T) {
	folder := istioFolder(t)
	for _, c := range istioCases(t, folder) {
		t.Run(strings.TrimSuffix(c.in, ".yaml")+" gives "+c.want, func(t *testing.T) {
			e, err := New(c.settings(t, folder))
			require.NoError(t, err)
			given := resources(t, filepath.Join(folder, c.in))
			if c.refusal != "" {
				require.Len(t, given, 1)
				r, err := e.Inject(podIn(t, given[0]), refOf(given[0], "").Namespace)
				require.NoError(t, err)
				require.Contains(t, strings.ToLower(r.Refusal), c.refusal)
				return
			}
			wanted := resources(t, filepath.Join(folder, c.want))
			require.Len(t, wanted, len(given))
			for i := range given {
				require.Empty(t, cmp.Diff(podOrAll(t, wanted[i]), injectedOrAll(t, e, given[i])), "pod of part %d", i)
				if c.in != injectedBefore {
					requireObject(t, wanted[i], e, given[i])
				}
			}
		})
	}
}

// injectedOrAll is what the engine makes of an object's pod; the object itself
// where it has no pod.
func injectedOrAll(t *testing.T, e *Engine, object map[string]any) any {
	t.Helper()
	p := podIn(t, object)
	if p == nil {
		return object
	}
	r, err := e.Inject(p, refOf(object, "").Namespace)
	require.NoError(t, err)
	require.Empty(t, r.Refusal)
	return fields(t, r.Pod)
}

// podOrAll is an object's pod, or the object itself where it has none.
func podOrAll(t *testing.T, object map[string]any) any {
	t.Helper()
	if p := podIn(t, object); p != nil {
		return fields(t, p)
	}
	return object
}

// fields leaves no difference between what is empty and what is not there.
func fields(t *testing.T, p *core.Pod) map[string]any {
	t.Helper()
	var out map[string]any
	into(t, p, &out)
	return out
}

// podIn is an object's pod as Istio's test makes it (webhook_test.go:
// objectToPod): the object is its owner, and a ReplicaSet is that of a
// Deployment. A CronJob's pod has its labels and annotations where istioctl
// looks for them and puts them: at the Job (inject.go: IntoObject).
func podIn(t *testing.T, object map[string]any) *core.Pod {
	t.Helper()
	p := &core.Pod{}
	spec, _ := object["spec"].(map[string]any)
	switch {
	case object["kind"] == "Pod":
		into(t, object, p)
		return p
	case spec["jobTemplate"] != nil:
		var o struct {
			Metadata metav1.ObjectMeta
			Spec     struct{ Template core.PodTemplateSpec }
		}
		into(t, spec["jobTemplate"], &o)
		p.ObjectMeta, p.Spec = o.Metadata, o.Spec.Template.Spec
	case spec["template"] != nil:
		into(t, spec["template"], p)
	default:
		return nil
	}
	var o metav1.PartialObjectMetadata
	into(t, object, &o)
	p.GenerateName = o.Name
	if o.Kind == "Deployment" {
		o.Kind, o.Name, p.GenerateName = "ReplicaSet", o.Name+"-fake", o.Name+"-fake-"
		metav1.SetMetaDataLabel(&p.ObjectMeta, "pod-template-hash", "fake")
	}
	yes := true
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, Controller: &yes}}
	return p
}

func into(t *testing.T, from, to any) {
	t.Helper()
	raw, err := json.Marshal(from)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, to))
}

// resources are the objects of a file, those of lists one by one.
func resources(t *testing.T, path string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []map[string]any
	for _, doc := range strings.Split(string(text), "\n---") {
		raw, err := yaml.YAMLToJSON([]byte(doc))
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, utiljson.Unmarshal(raw, &object))
		items, isList := object["items"].([]any)
		switch {
		case isList:
			for _, i := range items {
				all = append(all, i.(map[string]any))
			}
		case object != nil:
			all = append(all, object)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// istioCases are those of the table and, without any settings, the inputs that
// it does not name. Every input and every result of the folder is in one, or
// is left out in the table.
func istioCases(t *testing.T, folder string) []istioCase {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	cases := istioCasesWithSettings()
	out := istioCasesLeftOut()
	named := map[string]bool{}
	for _, c := range cases {
		named[c.want] = true
		if c.refusal != "" {
			named[c.in] = true
		}
	}
	seen := map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		seen[name] = true
		if filepath.Ext(name) != ".yaml" || strings.HasSuffix(name, ".iop.yaml") || named[name] || named[name+".injected"] || out[name+".injected"] != "" {
			continue
		}
		cases = append(cases, istioCase{in: name, want: name + ".injected"})
	}
	used := map[string]bool{}
	for _, c := range cases {
		used[c.in], used[c.want], used[c.file] = true, true, true
	}
	for name := range out {
		require.True(t, seen[name], "%s is left out, but not there", name)
		require.False(t, used[name], "%s is left out and tested", name)
		used[name], used[strings.TrimSuffix(name, ".injected")] = true, true
	}
	for name := range seen {
		require.True(t, used[name], "%s is not tested and not left out", name)
	}
	return cases
}

// istioFolder is where the Istio module keeps its cases.
func istioFolder(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "pkg/kube/inject/testdata/inject")
}
