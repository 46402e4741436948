package inject

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/cluster"
	meshconfig "istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	common "istio.io/istio/pkg/features"
	istio "istio.io/istio/pkg/kube/inject"
	"istio.io/istio/pkg/kube/multicluster"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Settings is what decides what a control plane's webhook makes of a pod.
//
// Two things cannot be set, since Istio reads them from the environment of the
// process: OpenShift (the proxy's UID is then the namespace's), and what
// templates ask of istiod's environment with the function env.
type Settings struct {
	Revision   string // istiod's REVISION; empty is "default"
	Config     string // data.config of ConfigMap istio-sidecar-injector[-REVISION]: templates and policy, YAML
	Values     string // data.values of the same ConfigMap, JSON or YAML
	MeshConfig string // data.mesh of ConfigMap istio[-REVISION], YAML
	Path       string // of the webhook's URL, which may name cluster and network: "/inject/cluster/c1/net/n1"; empty is "/inject"

	// NativeSidecars is istiod's ENABLE_NATIVE_SIDECARS: "true", "false" or
	// "auto", which empty stands for; other values are "false", as istiod
	// takes them (istio.io/istio 1.29.1, pilot/pkg/features/pilot.go).
	NativeSidecars string
	// Nodes are the cluster's; "auto" means native where every kubelet is 1.33
	// or later. Without nodes it is native, as in istiod.
	Nodes []*core.Node

	// CompliancePolicy is istiod's COMPLIANCE_POLICY, which it hands to proxies.
	// Istio keeps it once for the process: that of the engine made last counts.
	CompliancePolicy string

	ProxyConfigs []*unstructured.Unstructured // all of the cluster
}

// New makes an engine. A *ConfigError means that istiod could not load Config,
// Values or MeshConfig either.
//
// It sets the process-wide features.EnableNativeSidecars to auto; engines are
// steered by the nodes that they are given.
func New(s Settings) (*Engine, error) {
	config, err := istio.UnmarshalConfig([]byte(s.Config))
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("failed to get initial configuration: failed reading config: %w", err)}
	}
	mc, err := meshconfig.ApplyMeshConfigDefaults(s.MeshConfig)
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("invalid mesh config, using last known state: %w", err)}
	}
	configs, err := proxyConfigs(s.ProxyConfigs, mc)
	if err != nil {
		return nil, err
	}
	if features.EnableNativeSidecars != features.NativeSidecarModeAuto {
		features.EnableNativeSidecars = features.NativeSidecarModeAuto
	}
	if common.CompliancePolicy != s.CompliancePolicy {
		common.CompliancePolicy = s.CompliancePolicy
	}
	webhook := func(configs *model.ProxyConfigs) (func([]byte) ([]byte, error), error) {
		return s.webhook(&config, mc, configs)
	}
	post, err := webhook(configs)
	if err != nil {
		return nil, err
	}
	if len(s.ProxyConfigs) == 0 && defaultsOnly(configs, mc) {
		if post, err = withoutMerging(webhook, post); err != nil {
			return nil, err
		}
	}
	return &Engine{post: post, gate: gate(s)}, nil
}

// webhook is istiod's, in this process.
func (s Settings) webhook(config *istio.Config, mc *meshapi.MeshConfig, configs *model.ProxyConfigs) (func([]byte) ([]byte, error), error) {
	env := &model.Environment{Watcher: meshwatcher.NewTestWatcher(mc)}
	env.SetPushContext(&model.PushContext{ProxyConfigs: configs})
	mux, path := http.NewServeMux(), cmp.Or(s.Path, "/inject")
	clusters := multicluster.NewFakeController()
	webhook, err := istio.NewWebhook(istio.WebhookParameters{
		Watcher:      watcher{config: config, values: s.Values},
		Env:          env,
		Mux:          mux,
		Revision:     cmp.Or(s.Revision, "default"),
		MultiCluster: clusters,
	})
	if err != nil {
		return nil, &ConfigError{err}
	}
	client := nodeClient(s.kubelets())
	for _, id := range clusterIDs(webhook.GetConfig().Values, path) {
		clusters.Add(id, client, nil)
	}
	return embedded(mux, path), nil
}

// kubelets are the nodes by which the embedded webhook, which is always set to
// auto, comes to the decision that istiod was set to.
func (s Settings) kubelets() []*core.Node {
	switch s.NativeSidecars {
	case "", "auto":
		return s.Nodes
	case "true":
		return []*core.Node{{Status: core.NodeStatus{NodeInfo: core.NodeSystemInfo{KubeletVersion: "v1.33.0"}}}}
	}
	return []*core.Node{{Status: core.NodeStatus{NodeInfo: core.NodeSystemInfo{KubeletVersion: "v1.0.0"}}}}
}

// clusterIDs are the names by which the webhook may look for its cluster's
// nodes (istio.io/istio 1.29.1, pkg/kube/inject/inject.go:
// extractClusterAndNetwork).
func clusterIDs(v istio.ValuesConfig, path string) []cluster.ID {
	ids := []cluster.ID{"Kubernetes"}
	if name := v.Struct().GetGlobal().GetMultiCluster().GetClusterName(); name != "" {
		ids = append(ids, cluster.ID(name))
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i := 1; i+1 < len(parts); i += 2 {
		if parts[i] == "cluster" {
			ids = append(ids, cluster.ID(strings.ReplaceAll(parts[i+1], "--slash--", "/")))
		}
	}
	return ids
}
