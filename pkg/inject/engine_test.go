package inject_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
)

// config is what ConfigMap istio-sidecar-injector holds, with templates of a
// few lines.
const config = `
policy: enabled
defaultTemplates: [sidecar]
aliases:
  both: [sidecar, extra]
neverInjectSelector:
- matchLabels: {never: inject}
templates:
  sidecar: |
    metadata:
      annotations:
        revision: {{ .Revision | quote }}
        concurrency: "{{ .ProxyConfig.Concurrency.GetValue }}"
        owner: {{ .TypeMeta.Kind }}/{{ .DeploymentMeta.Name }}
        hub: {{ .Values.global.hub }}
    spec:
      {{ if .NativeSidecars }}initContainers:{{ else }}containers:{{ end }}
      - name: istio-proxy
        image: {{ .ProxyImage }}
        {{ if .NativeSidecars }}restartPolicy: Always{{ end }}
        env:
        - name: DISCOVERY
          value: {{ .ProxyConfig.DiscoveryAddress }}
        {{- range $key, $value := .ProxyConfig.ProxyMetadata }}
        - name: {{ $key }}
          value: {{ $value | quote }}
        {{- end }}
  extra: |
    metadata:
      annotations: {extra: "true"}
  broken: |
    metadata:
      annotations: {broken: "{{ .NoSuchField }}"}
`

const values = `{"global": {"hub": "example.org/istio", "tag": "1.29.1", "proxy": {"image": "proxyv2"}}}`

const meshConfig = `defaultConfig: {discoveryAddress: "istiod.mesh.svc:15012", concurrency: 3}`

func TestMain(m *testing.M) {
	if err := inject.Logs(false); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func settings() inject.Settings {
	return inject.Settings{Config: config, Values: values, MeshConfig: meshConfig, Nodes: kubelets("v1.32.4")}
}

func kubelets(versions ...string) []*core.Node {
	var nodes []*core.Node
	for _, v := range versions {
		nodes = append(nodes, &core.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "node-" + v},
			Status:     core.NodeStatus{NodeInfo: core.NodeSystemInfo{KubeletVersion: v}},
		})
	}
	return nodes
}

func engine(t *testing.T, s inject.Settings) *inject.Engine {
	t.Helper()
	e, err := inject.New(s)
	require.NoError(t, err)
	return e
}

func pod(change ...func(*core.Pod)) *core.Pod {
	p := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "web-5d8f9c7b6d-", Namespace: "shop",
			Labels: map[string]string{"app": "web", "pod-template-hash": "5d8f9c7b6d"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-5d8f9c7b6d", UID: "1", Controller: new(bool),
			}},
		},
		Spec: core.PodSpec{Containers: []core.Container{{Name: "app", Image: "app:1"}}},
	}
	*p.OwnerReferences[0].Controller = true
	for _, c := range change {
		c(p)
	}
	return p
}

func annotated(key, value string) func(*core.Pod) {
	return func(p *core.Pod) { p.Annotations = map[string]string{key: value} }
}

func injected(t *testing.T, s inject.Settings, p *core.Pod) *core.Pod {
	t.Helper()
	r, err := engine(t, s).Inject(p, "shop")
	require.NoError(t, err)
	require.Empty(t, r.Refusal)
	require.False(t, r.Skipped)
	return r.Pod
}

func TestInjectAddsTheSidecarAndLeavesTheGivenPodAlone(t *testing.T) {
	given := pod()
	before := given.DeepCopy()
	r, err := engine(t, settings()).Inject(given, "shop")
	require.NoError(t, err)
	require.Equal(t, before, given)

	want := before.DeepCopy()
	want.Annotations = map[string]string{
		"revision": "default", "concurrency": "3", "owner": "Deployment/web", "hub": "example.org/istio",
		"prometheus.io/path": "/stats/prometheus", "prometheus.io/port": "15020", "prometheus.io/scrape": "true",
		"sidecar.istio.io/status": `{"initContainers":null,"containers":["istio-proxy"],"volumes":null,"imagePullSecrets":null,"revision":"default"}`,
	}
	want.Spec.Containers = append(want.Spec.Containers, core.Container{
		Name: "istio-proxy", Image: "example.org/istio/proxyv2:1.29.1",
		Env: []core.EnvVar{{Name: "DISCOVERY", Value: "istiod.mesh.svc:15012"}},
	})
	require.Equal(t, inject.Result{Pod: want}, r)
}

func TestAnEngineCanBeUsedAgain(t *testing.T) {
	e := engine(t, settings())
	first, err := e.Inject(pod(), "shop")
	require.NoError(t, err)
	_, err = e.Inject(pod(annotated("inject.istio.io/templates", "broken")), "shop")
	require.NoError(t, err)
	again, err := e.Inject(pod(), "shop")
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestSkippedPodsComeBackAsTheyWere(t *testing.T) {
	for name, p := range map[string]*core.Pod{
		"host network":         pod(func(p *core.Pod) { p.Spec.HostNetwork = true }),
		"opted out":            pod(func(p *core.Pod) { p.Labels["sidecar.istio.io/inject"] = "false" }),
		"never-inject matches": pod(func(p *core.Pod) { p.Labels["never"] = "inject" }),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := engine(t, settings()).Inject(p, "shop")
			require.NoError(t, err)
			require.Equal(t, inject.Result{Pod: p, Skipped: true}, r)
		})
	}
}

func TestRefusalsAreInIstiodsWords(t *testing.T) {
	for name, c := range map[string]struct {
		pod  *core.Pod
		want string
	}{
		"a bad annotation": {
			pod(annotated("traffic.sidecar.istio.io/excludeInboundPorts", "bad")),
			"failed to run injection template: 1 error occurred:\n\t* invalid value 'bad' for annotation 'traffic.sidecar.istio.io/excludeInboundPorts': excludeInboundPorts invalid: failed parsing port 'bad': failed parsing port 'bad': strconv.ParseUint: parsing \"bad\": invalid syntax\n\n",
		},
		"two bad annotations, in order": {
			pod(func(p *core.Pod) {
				p.Annotations = map[string]string{"sidecar.istio.io/proxyMemory": "lots", "sidecar.istio.io/proxyCPU": "many"}
			}),
			"failed to run injection template: 2 errors occurred:\n\t* invalid value 'lots' for annotation 'sidecar.istio.io/proxyMemory': quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'\n\t* invalid value 'many' for annotation 'sidecar.istio.io/proxyCPU': quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'\n\n",
		},
		"an unknown template": {
			pod(annotated("inject.istio.io/templates", "sidecar,spire")),
			`failed to run injection template: requested template "spire" not found; have broken, extra, sidecar`,
		},
		"a template that fails": {
			pod(annotated("inject.istio.io/templates", "broken")),
			`failed to run injection template: template: inject:2:28: executing "inject" at <.NoSuchField>: can't evaluate field NoSuchField in type *inject.SidecarTemplateData`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := engine(t, settings()).Inject(c.pod, "shop")
			require.NoError(t, err)
			require.Equal(t, inject.Result{Refusal: c.want}, r)
		})
	}
}

func TestConfigurationThatIstiodCouldNotLoad(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*inject.Settings)
		want   string
	}{
		"a template that does not parse": {
			func(s *inject.Settings) { s.Config = "templates: {sidecar: '{{ nosuchfunction }}'}" },
			`failed to get initial configuration: failed reading config: template: inject:1: function "nosuchfunction" not defined`,
		},
		"a value of another type": {
			func(s *inject.Settings) { s.Values = `{"global": {"hub": {"name": "x"}}}` },
			"failed to process webhook config: failed to create new values config: could not parse configuration values: ",
		},
		"a mesh config that is no YAML": {
			func(s *inject.Settings) { s.MeshConfig = "defaultConfig: [" },
			"invalid mesh config, using last known state: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings()
			c.change(&s)
			_, err := inject.New(s)
			var broken *inject.ConfigError
			require.ErrorAs(t, err, &broken)
			require.Contains(t, err.Error(), c.want)
		})
	}
}

func TestNativeSidecarsAreDecidedAsIstiodWould(t *testing.T) {
	for name, c := range map[string]struct {
		mode   string
		nodes  []*core.Node
		node   string // that the pod names
		native bool
	}{
		"auto, all kubelets new":               {"auto", kubelets("v1.33.0", "v1.34.1+k3s1"), "", true},
		"auto is the default":                  {"", kubelets("v1.35.4"), "", true},
		"auto, one kubelet old":                {"auto", kubelets("v1.33.0", "v1.32.9"), "", false},
		"auto, a kubelet without a version":    {"auto", kubelets("kwok-0.7.0"), "", false},
		"auto, the pod names a new node":       {"auto", kubelets("v1.33.0", "v1.32.9"), "node-v1.33.0", true},
		"on, though kubelets are old":          {"true", kubelets("v1.28.0"), "", true},
		"off, though kubelets are new":         {"false", kubelets("v1.35.4"), "", false},
		"a word istiod does not know is off":   {"yes", kubelets("v1.35.4"), "", false},
		"auto, a node that is not there":       {"auto", kubelets("v1.33.0"), "node-gone", true},
		"auto, no nodes, as istiod takes that": {"auto", nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings()
			s.NativeSidecars, s.Nodes = c.mode, c.nodes
			p := injected(t, s, pod(func(p *core.Pod) { p.Spec.NodeName = c.node }))
			require.Len(t, p.Spec.InitContainers, map[bool]int{true: 1, false: 0}[c.native])
		})
	}
}

func TestNativeSidecarsWhereTheWebhookNamesItsCluster(t *testing.T) {
	s := settings()
	s.Nodes, s.Path = kubelets("v1.35.4"), "/inject/cluster/east/net/n1"
	p := injected(t, s, pod())
	require.Len(t, p.Spec.InitContainers, 1)
	require.Equal(t, "n1", p.Labels["topology.istio.io/network"])
}

func TestEnginesDoNotDisturbEachOther(t *testing.T) {
	on, off := settings(), settings()
	on.NativeSidecars, off.NativeSidecars = "true", "false"
	first, second := engine(t, on), engine(t, off)
	for _, e := range []*inject.Engine{first, second, first} {
		r, err := e.Inject(pod(), "shop")
		require.NoError(t, err)
		require.Len(t, r.Pod.Spec.InitContainers, map[bool]int{true: 1, false: 0}[e == first])
	}
}

func TestAliasesAndRevisions(t *testing.T) {
	s := settings()
	s.Revision = "canary"
	p := injected(t, s, pod(annotated("inject.istio.io/templates", "both")))
	require.Equal(t, "true", p.Annotations["extra"])
	require.Equal(t, "canary", p.Annotations["revision"])
}

func TestProxyConfigsOfTheWorkloadApply(t *testing.T) {
	s := settings()
	s.ProxyConfigs = []*unstructured.Unstructured{
		proxyConfig("web", map[string]any{"concurrency": int64(7), "selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}}),
		proxyConfig("unknown", map[string]any{"concurrency": "many"}),
	}
	require.Equal(t, "7", injected(t, s, pod()).Annotations["concurrency"])
	other := pod(func(p *core.Pod) { p.Labels["app"] = "other" })
	require.Equal(t, "3", injected(t, s, other).Annotations["concurrency"])
}

func proxyConfig(name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1beta1", "kind": "ProxyConfig",
		"metadata": map[string]any{"namespace": "shop", "name": name}, "spec": spec,
	}}
}
