package sandbox

import (
	"fmt"
	"net"
	"path"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// proxySpec is what the program that plays the proxies is told about a pod (modules/proxies, podSpec).
type proxySpec struct {
	UID         string            `json:"uid"`
	Istiod      string            `json:"istiod"`
	IP          string            `json:"ip"`
	Args        []string          `json:"args"`
	Env         []string          `json:"env"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// proxyContainer is the container that is a pod's proxy, nil when it has none. A native sidecar is an init container.
func proxyContainer(pod *corev1.Pod) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == "istio-proxy" {
				return &list[i]
			}
		}
	}
	return nil
}

// wantsProxy tells whether a pod's proxy runs.
func wantsProxy(pod *corev1.Pod) bool {
	if proxyContainer(pod) == nil || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == "" {
		return false
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for _, s := range list {
			if s.Name == "istio-proxy" {
				return s.State.Running != nil
			}
		}
	}
	return false
}

// proxySpecOf describes a pod whose proxy's env is known. The proxy's version is that of its image.
func proxySpecOf(pod *corev1.Pod, env []string, istiod string) proxySpec {
	c := proxyContainer(pod)
	version := istioVersion
	if m := regexp.MustCompile(`:(\d+\.\d+\.\d+[^:@]*)$`).FindStringSubmatch(path.Base(c.Image)); m != nil {
		version = m[1]
	}
	return proxySpec{
		UID: string(pod.UID), Istiod: istiod, IP: pod.Status.PodIP, Args: c.Args,
		Env:    append([]string{"ISTIO_META_ISTIO_VERSION=" + version}, env...),
		Labels: pod.Labels, Annotations: pod.Annotations,
	}
}

// istiodService is the Service that a proxy's discoveryAddress names (NAME.NAMESPACE.svc:PORT), which pilot-agent
// reads from PROXY_CONFIG; the default is Istio's (pkg/config/mesh, DefaultProxyConfig, 1.29.1).
func istiodService(env []string) (namespace, name string, err error) {
	address := "istiod.istio-system.svc:15012"
	for _, e := range env {
		key, value, _ := strings.Cut(e, "=")
		if key != "PROXY_CONFIG" {
			continue
		}
		var config struct {
			DiscoveryAddress string `json:"discoveryAddress"`
		}
		if err := yaml.Unmarshal([]byte(value), &config); err != nil {
			return "", "", fmt.Errorf("PROXY_CONFIG: %w", err)
		}
		if config.DiscoveryAddress != "" {
			address = config.DiscoveryAddress
		}
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("discoveryAddress: %w", err)
	}
	part := strings.Split(host, ".")
	if len(part) < 3 || part[2] != "svc" {
		return "", "", fmt.Errorf("discoveryAddress %q names no Service", address)
	}
	return part[1], part[0], nil
}

// plaintextPort is where the istiod behind a Service serves xDS without TLS, which needs no certificate.
func plaintextPort(service *corev1.Service) (int, error) {
	for _, p := range service.Spec.Ports {
		if p.Port == int32(defaultIstiodPorts().grpc) {
			if target := p.TargetPort.IntValue(); target != 0 {
				return target, nil
			}
			return int(p.Port), nil
		}
	}
	return 0, fmt.Errorf("service %s/%s has no port %d", service.Namespace, service.Name, defaultIstiodPorts().grpc)
}
