package inject

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func builtin(t testing.TB, set ...string) *Engine {
	t.Helper()
	s, err := Builtin(BuiltinOptions{Set: set})
	require.NoError(t, err)
	e, err := New(s)
	require.NoError(t, err)
	return e
}

// objects reads a text's objects.
func objects(t testing.TB, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, part := range cut([]byte(text)) {
		if !part.holds {
			continue
		}
		raw, err := yaml.YAMLToJSON(part.text)
		require.NoError(t, err)
		var obj map[string]any
		require.NoError(t, utiljson.Unmarshal(raw, &obj))
		all = append(all, obj)
	}
	return all
}

func TestWhatBecomesOfAnObject(t *testing.T) {
	for name, c := range map[string]struct {
		manifest string
		want     []Outcome
	}{
		"a deployment": {
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app, image: app}]}}}}`,
			[]Outcome{{Workload: mesh.RefTo(mesh.Deployments, "shop", "web"), Path: "spec.template", Status: Injected, Revision: "default", Proxy: "1.29.1"}},
		},
		"a pod on its node's network": {
			`{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: ops}, spec: {hostNetwork: true, containers: [{name: app, image: app}]}}`,
			[]Outcome{{
				Workload: mesh.RefTo(mesh.Pods, "ops", "agent"), Status: Skipped, Code: "host-network",
				Message: "the pod uses its node's network (hostNetwork), where istiod never injects",
			}},
		},
		"a cron job whose pods opt out": {
			`{apiVersion: batch/v1, kind: CronJob, metadata: {name: night}, spec: {jobTemplate: {spec: {template: {metadata: {labels: {sidecar.istio.io/inject: "false"}}, spec: {containers: [{name: app, image: app}]}}}}}}`,
			[]Outcome{{
				Workload: mesh.RefTo(mesh.CronJobs, "shop", "night"), Path: "spec.jobTemplate.spec.template", Status: Skipped, Code: "opted-out",
				Message: `pod label sidecar.istio.io/inject="false" opts out`,
			}},
		},
		"an annotation that istiod refuses": {
			`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {template: {metadata: {annotations: {sidecar.istio.io/interceptionMode: MAYBE}}, spec: {containers: [{name: app, image: app}]}}}}`,
			[]Outcome{{
				Workload: mesh.RefTo(mesh.StatefulSets, "shop", "db"), Path: "spec.template", Status: Refused,
				Message: "failed to run injection template: 1 error occurred:\n\t* invalid value 'MAYBE' for annotation 'sidecar.istio.io/interceptionMode': interceptionMode invalid, use REDIRECT,TPROXY,NONE: MAYBE\n\n",
			}},
		},
		"a rollout that borrows a deployment's template": {
			`{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: web}, spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}`,
			[]Outcome{{
				Workload: mesh.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: "shop", Name: "web"}, Status: Skipped, Code: "template-elsewhere",
				Message: "its pods are made of the template of deployment/web (spec.workloadRef): inject that",
			}},
		},
		"a kind that nobody knows": {
			`{apiVersion: example.com/v1, kind: Fleet, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app, image: app}]}}}}`,
			[]Outcome{{
				Workload: mesh.Ref{APIVersion: "example.com/v1", Kind: "Fleet", Namespace: "shop", Name: "web"}, Path: "spec.template",
				Status: Injected, Revision: "default", Proxy: "1.29.1",
			}},
		},
		"a job whose name is drawn": {
			`{apiVersion: batch/v1, kind: Job, metadata: {generateName: copy-}, spec: {template: {spec: {containers: [{name: app, image: app}]}}}}`,
			[]Outcome{{Workload: mesh.RefTo(mesh.Jobs, "shop", "copy"), Path: "spec.template", Status: Injected, Revision: "default", Proxy: "1.29.1"}},
		},
		"no pod template":            {`{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}`, nil},
		"a template of certificates": {`{apiVersion: cert-manager.io/v1, kind: Certificate, spec: {template: {spec: {containers: 3}}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			obj := objects(t, c.manifest)[0]
			before := objects(t, c.manifest)[0]
			after, got, err := builtin(t).Object(obj, "shop")
			require.NoError(t, err)
			require.Equal(t, before, obj, "the object stays as it is")
			for i := range got {
				got[i].Pod, got[i].After = nil, nil
			}
			require.Equal(t, c.want, got)
			if len(got) == 0 || got[0].Status != Injected {
				require.Equal(t, before, after)
			}
		})
	}
}

func TestTheOwnerIsWhatTheControllerWouldSay(t *testing.T) {
	for manifest, want := range map[string]string{
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app}]}}}}`:                        "web kubernetes://apis/apps/v1/namespaces/shop/deployments/web",
		`{apiVersion: batch/v1, kind: CronJob, metadata: {name: night}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: app}]}}}}}}`: "night kubernetes://apis/batch/v1/namespaces/shop/cronjobs/night",
		`{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app}]}}}}`:              "web kubernetes://apis/v1alpha1/namespaces/shop/rollouts/web",
		`{apiVersion: apps.openshift.io/v1, kind: DeploymentConfig, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app}]}}}}`:     "web kubernetes://apis/v1/namespaces/shop/deploymentconfigs/web",
		`{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app}]}}}}`:          "web kubernetes://apis/apps.kruise.io/v1alpha1/namespaces/shop/clonesets/web",
		`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: app}]}}`:                                                        "web kubernetes://apis/v1/namespaces/shop/pods/web",
	} {
		obj := objects(t, manifest)[0]
		t.Run(obj["kind"].(string), func(t *testing.T) {
			_, got, err := builtin(t).Object(obj, "shop")
			require.NoError(t, err)
			after, err := got[0].InjectedPod()
			require.NoError(t, err)
			env := map[string]string{}
			for _, v := range mesh.Proxy(&after.Spec).Env {
				env[v.Name] = v.Value
			}
			require.Equal(t, want, env["ISTIO_META_WORKLOAD_NAME"]+" "+env["ISTIO_META_OWNER"])
		})
	}
}

// Istio's samples and the inputs of its own tests, injected twice and taken
// out again.
func TestInjectTwiceAndUninject(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	require.NoError(t, err)
	root := strings.TrimSpace(string(dir))
	var files []string
	for _, pattern := range []string{"pkg/kube/inject/testdata/inject/*.yaml", "samples/*/*.yaml", "samples/*/*/*.yaml", "samples/*/*/*/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	e := builtin(t)
	templates := 0
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			if strings.Contains(string(text), "{{") {
				t.Skip("a template of Helm's")
			}
			for _, obj := range objects(t, string(text)) {
				once, outcomes, err := e.Object(obj, "shop")
				require.NoError(t, err)
				if len(outcomes) == 0 || outcomes[0].Status != Injected {
					continue
				}
				templates++
				twice, _, err := e.Object(once, "shop")
				require.NoError(t, err)
				require.Empty(t, cmp.Diff(once, twice), "injected again")
				if _, chosen := outcomes[0].Pod.Annotations["inject.istio.io/templates"]; chosen || strings.Contains(string(text), mesh.StatusAnnotation) {
					continue // what other templates add to a pod is not recorded; and what was injected before is no original
				}
				back, _ := Uninject(once, "shop")
				forget(obj)
				forget(back)
				if diff := cmp.Diff(obj, back); diff != "" {
					t.Errorf("injected (-before) and taken out (+after):\n%s", diff)
				}
			}
		})
	}
	require.Greater(t, templates, 100)
}

// forget takes out of an object what istiod does not record: of probes a path
// that is the default, the default scheme, and the names of ports; of its own
// annotations those that the user had too; how a quantity was written.
func forget(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			forget(item)
		}
	case map[string]any:
		for _, kind := range []string{"httpGet", "tcpSocket"} {
			if h, ok := v[kind].(map[string]any); ok {
				delete(h, "port")
				if h["path"] == "/" {
					delete(h, "path")
				}
				if h["scheme"] == "HTTP" {
					delete(h, "scheme")
				}
			}
		}
		for _, key := range []string{"kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container"} {
			delete(v, key)
		}
		if v["successThreshold"] == int64(1) {
			delete(v, "successThreshold")
		}
		if r, ok := v["resources"].(map[string]any); ok && len(r) == 0 {
			delete(v, "resources")
		}
		if v["cpu"] == "3000m" {
			v["cpu"] = "3"
		}
		for key, inner := range v {
			forget(inner)
			if m, ok := inner.(map[string]any); ok && key == "annotations" && len(m) == 0 {
				delete(v, key)
			}
		}
	}
}
