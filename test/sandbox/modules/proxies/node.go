package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	agent "istio.io/istio/pilot/cmd/pilot-agent/config"
	"istio.io/istio/pkg/adsc"
	"istio.io/istio/pkg/bootstrap"
	"istio.io/istio/pkg/model"
)

// podSpec is what of a pod its proxy knows.
type podSpec struct {
	UID         string            `json:"uid"`
	Istiod      string            `json:"istiod"` // host:port of its plaintext xDS port
	IP          string            `json:"ip"`
	Args        []string          `json:"args"` // of the proxy's container: proxy sidecar …
	Env         []string          `json:"env"`  // NAME=VALUE
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// clientConfig is the identity with which pilot-agent would connect: its metadata is made by Istio's own
// bootstrap.GetNodeMetaData from the container's env (pkg/istio-agent/agent.go, generateNodeMetadata, 1.29.1), with
// the pod's labels and annotations in the place of the files that the downward API would give.
func clientConfig(name podName, pod podSpec) (adsc.Config, error) {
	role, err := nodeType(pod.Args)
	if err != nil {
		return adsc.Config{}, err
	}
	proxyConfig, err := agent.ConstructProxyConfig("", "istio-proxy", envValue(pod.Env, "PROXY_CONFIG"), 0)
	if err != nil {
		return adsc.Config{}, fmt.Errorf("PROXY_CONFIG: %w", err)
	}
	id := fmt.Sprintf("%s~%s~%s.%s~%s.svc.cluster.local", role, pod.IP, name.name, name.namespace, name.namespace)
	node, err := bootstrap.GetNodeMetaData(bootstrap.MetadataOptions{
		ID: id, Envs: pod.Env, InstanceIPs: []string{pod.IP}, ProxyConfig: proxyConfig,
		EnvoyStatusPort: 15021, EnvoyPrometheusPort: 15090,
	})
	if err != nil {
		return adsc.Config{}, err
	}
	meta := node.Metadata
	labels := map[string]string{}
	maps.Copy(labels, meta.StaticLabels)
	maps.Copy(labels, pod.Labels)
	delete(labels, bootstrap.DefaultDeploymentUniqueLabelKey)
	meta.Labels = labels
	if meta.Annotations == nil {
		meta.Annotations = map[string]string{}
	}
	maps.Copy(meta.Annotations, pod.Annotations)
	fields, err := metadata(meta, node.RawMetadata)
	if err != nil {
		return adsc.Config{}, err
	}
	return adsc.Config{
		ClientName: name.name + "." + name.namespace, Namespace: name.namespace, Workload: name.name,
		NodeType: role, IP: pod.IP, Meta: fields, Locality: node.Locality,
	}, nil
}

// metadata is what stands in Envoy's bootstrap: the known fields and whatever else the env named.
func metadata(meta *model.BootstrapNodeMetadata, raw map[string]any) (*structpb.Struct, error) {
	content, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	var known map[string]any
	if err := json.Unmarshal(content, &known); err != nil {
		return nil, err
	}
	fields := map[string]any{}
	maps.Copy(fields, raw)
	maps.Copy(fields, known)
	// Parsed from JSON env by GetNodeMetaData into typed values, which structpb does not take.
	if content, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	s := &structpb.Struct{}
	return s, s.UnmarshalJSON(content)
}

// nodeType is the role that the container's arguments give: pilot-agent proxy ROLE.
func nodeType(args []string) (model.NodeType, error) {
	i := slices.Index(args, "proxy")
	if i < 0 || i+1 >= len(args) {
		return "", fmt.Errorf("no role in the proxy's arguments %q", args)
	}
	if role := model.NodeType(args[i+1]); model.IsApplicationNodeType(role) {
		return role, nil
	}
	return "", fmt.Errorf("role %q is none of a proxy's", args[i+1])
}

func envValue(env []string, name string) string {
	for _, e := range env {
		if key, value, _ := strings.Cut(e, "="); key == name {
			return value
		}
	}
	return ""
}
