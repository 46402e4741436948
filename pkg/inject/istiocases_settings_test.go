package inject

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// istioCasesLeftOut are results that cannot be the engine's, with the reason.
func istioCasesLeftOut() map[string]string {
	const openshift = "istiod's environment says OpenShift, where UIDs are the namespace's; an engine cannot be told"
	return map[string]string{
		"hello-openshift.yaml.injected":                  openshift,
		"hello-openshift-custom-injection.yaml.injected": openshift,
	}
}

// injectedBefore is an input that an older Istio has injected: istiod keeps
// what it does not know of that, while Object takes it out first.
const injectedBefore = "merge-probers.yaml"

// istioCasesWithSettings are the cases that are not the default installation's
// result for the input of their name.
func istioCasesWithSettings() []istioCase {
	const (
		hold   = "values.global.proxy.holdApplicationUntilProxyStarts=true"
		tproxy = "defaultConfig: {interceptionMode: TPROXY}"
	)
	cni := func(provider string) []string {
		return []string{"components.cni.enabled=true", "values.cni.provider=" + provider}
	}
	status := []string{
		"values.global.proxy.statusPort=123", "values.global.proxy.readinessInitialDelaySeconds=100",
		"values.global.proxy.readinessPeriodSeconds=200", "values.global.proxy.readinessFailureThreshold=300",
	}
	cases := []istioCase{
		{in: "hello.yaml", want: "hello.yaml.cni.injected", set: append(cni("default"), "values.global.network=network1")},
		{in: "hello.yaml", want: "hello.yaml.proxyImageName.injected", set: []string{"values.global.proxy.image=proxyTest"}},
		{in: "hello.yaml", want: "hello-tproxy.yaml.injected", mesh: tproxy},
		{in: "hello.yaml", want: "hello-always.yaml.injected", set: []string{"values.global.imagePullPolicy=Always"}},
		{in: "hello.yaml", want: "hello-never.yaml.injected", set: []string{"values.global.imagePullPolicy=Never"}},
		{in: "hello.yaml", want: "hello-image-secrets-in-values.yaml.injected", file: "hello-image-secrets-in-values.iop.yaml"},
		{in: "hello.yaml", want: "hello-template-in-values.yaml.injected", file: "hello-template-in-values.iop.yaml"},
		{in: "hello.yaml", want: "hello-mount-mtls-certs.yaml.injected", set: []string{"values.global.mountMtlsCerts=true"}},
		{in: "hello.yaml", want: "hello-cncf-networks.yaml.injected", set: cni("multus")},
		{in: "hello.yaml", want: "hello.proxyHoldsApplication.yaml.injected", set: []string{hold}},
		{in: "hello-openshift-tproxy.yaml", want: "hello-openshift-tproxy.yaml.injected", set: []string{"components.cni.enabled=true"}},
		{in: "format-duration.yaml", want: "format-duration.yaml.injected", mesh: "defaultConfig: {drainDuration: 23s}"},
		{in: "traffic-params.yaml", want: "traffic-params.yaml.injected", set: []string{
			"values.global.proxy.includeIPRanges=127.0.0.1/24,10.96.0.1/24", "values.global.proxy.excludeIPRanges=10.96.0.2/24,10.96.0.3/24",
			"values.global.proxy.excludeInboundPorts=4,5,6", "values.global.proxy.statusPort=0",
		}},
		{in: "status_params.yaml", want: "status_params.yaml.injected", set: status},
		{in: "kubevirtInterfaces.yaml", want: "kubevirtInterfaces.yaml.injected", set: status},
		{in: "reroute-virtual-interfaces.yaml", want: "reroute-virtual-interfaces.yaml.injected", set: status},
		{in: "hello-image-pull-secret.yaml", want: "hello-multiple-image-secrets.yaml.injected", file: "hello-image-secrets-in-values.iop.yaml"},
		{in: "hello-image-pull-secret.yaml", want: "hello-image-pull-secret.yaml.injected"},
		{in: "hello-existing-cncf-networks.yaml", want: "hello-existing-cncf-networks.yaml.injected", set: cni("multus")},
		{in: "hello-existing-cncf-networks-json.yaml", want: "hello-existing-cncf-networks-json.yaml.injected", set: cni("multus")},
		{in: "hello-probes.yaml", want: "hello-probes.proxyHoldsApplication.yaml.injected", set: []string{hold}},
		{in: "hello-probes.yaml", want: "hello-probes.yaml.injected"},
		{in: "hello-probes-noProxyHoldApplication-ProxyConfig.yaml", want: "hello-probes-noProxyHoldApplication-ProxyConfig.yaml.injected", set: []string{hold}},
		{in: "traffic-annotations-bad-includeipranges.yaml", refusal: "includeipranges"},
		{in: "traffic-annotations-bad-excludeipranges.yaml", refusal: "excludeipranges"},
		{in: "traffic-annotations-bad-includeinboundports.yaml", refusal: "includeinboundports"},
		{in: "traffic-annotations-bad-excludeinboundports.yaml", refusal: "excludeinboundports"},
		{in: "traffic-annotations-bad-excludeoutboundports.yaml", refusal: "excludeoutboundports"},
		{
			in: "traffic-annotations.yaml", want: "traffic-annotations.yaml.injected",
			mesh: "defaultConfig: {proxyMetadata: {ISTIO_META_TLS_CLIENT_KEY: /etc/identity/client/keys/client-key.pem}}",
		},
		{in: "proxy-override-runas.yaml", want: "proxy-override-runas.yaml.injected"},
		{in: "proxy-override-runas.yaml", want: "proxy-override-runas.yaml.cni.injected", set: []string{"components.cni.enabled=true"}},
		{in: "proxy-override-runas.yaml", want: "proxy-override-runas.yaml.tproxy.injected", mesh: tproxy},
		{in: "proxy-override-args.yaml", want: "proxy-override-args.yaml.injected"},
		{in: "proxy-override-args.yaml", want: "proxy-override-args-native.yaml.injected"},
		{in: "native-sidecar-opt-in.yaml", want: "native-sidecar-opt-in.yaml.injected"},
		{in: "native-sidecar-opt-in.yaml", want: "native-sidecar-opt-in.yaml.injected", native: "false"},
		{in: "native-sidecar-opt-out.yaml", want: "native-sidecar-opt-out.yaml.injected"},
		{in: "native-sidecar-opt-out.yaml", want: "native-sidecar-opt-out.yaml.injected", native: "false"},
		{in: "custom-template.yaml", want: "custom-template.yaml.injected", file: "custom-template.iop.yaml"},
		{in: injectedBefore, want: "merge-probers.yaml.injected", set: []string{hold}},
		{in: "hello-tracing-disabled.yaml", want: "hello-tracing-disabled.yaml.injected", mesh: "defaultConfig: {tracing: {}}"},
		{in: "hello-probes-localhost.yaml", want: "hello-probes-localhost.yaml.injected", mesh: "inboundTrafficPolicy: {mode: LOCALHOST}"},
		{in: "proxy-resources-null.yaml", want: "proxy-resources-null.yaml.injected", file: "proxy-resources-null.iop.yaml"},
		{in: "proxy-resources-null-no-init.yaml", want: "proxy-resources-null-no-init.yaml.injected", file: "proxy-resources-null.iop.yaml"},
		{in: "proxy-resources-zero.yaml", want: "proxy-resources-zero.yaml.injected", file: "proxy-resources-zero.iop.yaml"},
		{in: "sidecar-spire.yaml", want: "sidecar-spire.yaml.injected", file: "spire-template.iop.yaml"},
		{in: "gateway-spire.yaml", want: "gateway-spire.yaml.injected", file: "spire-template.iop.yaml"},
	}
	for _, kind := range []string{"cronjob", "daemonset", "hello", "job", "native-sidecar", "pod", "replicaset", "statefulset"} {
		cases = append(cases,
			istioCase{in: kind + ".yaml", want: kind + ".yaml.injected"},
			istioCase{in: kind + ".yaml", want: kind + "-old-version.yaml.injected", native: "false"},
			istioCase{in: kind + ".yaml", want: kind + "-old-version.yaml.injected", nodes: []string{"v1.33.0", "v1.28.0"}},
		)
	}
	return cases
}

// settings are those that Istio's test gets from the charts.
func (c istioCase) settings(t *testing.T, folder string) Settings {
	t.Helper()
	o := BuiltinOptions{Set: append(slices.Clone(c.set),
		"profile=empty", "components.pilot.enabled=true", "hub=gcr.io/istio-testing", "tag=latest")}
	if c.file != "" {
		o.Files = []string{filepath.Join(folder, c.file)}
	}
	s, err := Builtin(o)
	require.NoError(t, err)
	if c.mesh != "" {
		s.MeshConfig = merged(t, s.MeshConfig, c.mesh)
	}
	s.NativeSidecars = c.native
	nodes := c.nodes
	if nodes == nil {
		nodes = []string{"v1.33.0", "v1.34.0"}
	}
	for _, v := range nodes {
		s.Nodes = append(s.Nodes, &core.Node{Status: core.NodeStatus{NodeInfo: core.NodeSystemInfo{KubeletVersion: v}}})
	}
	return s
}

func merged(t *testing.T, texts ...string) string {
	t.Helper()
	out := map[string]any{}
	for _, text := range texts {
		var m map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &m))
		put(out, m)
	}
	raw, err := yaml.Marshal(out)
	require.NoError(t, err)
	return string(raw)
}

func put(under, m map[string]any) {
	for key, v := range m {
		inner, isMap := v.(map[string]any)
		old, wasMap := under[key].(map[string]any)
		if isMap && wasMap {
			put(old, inner)
			continue
		}
		under[key] = v
	}
}
