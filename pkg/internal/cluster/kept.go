package cluster

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// What stays of an object. The functions in this file hold every list; the
// reduce files apply them and show, field by field, what they copy:
//
//   - metadata, of every kind: name, namespace, labels, kept annotations, the
//     owners' kinds and names, creation and deletion time, generation. Of
//     Namespaces, webhook configurations and routing and policy objects also
//     resourceVersion and uid, which a later change is based on.
//   - managedFields: manager, operation, subresource and time, of objects that
//     people write (not of Pods, ReplicaSets, Jobs, EndpointSlices, Nodes and
//     Events); of Namespaces and webhook configurations also which labels,
//     selectors and CA bundles each manager owns.
//   - Pods of a controller: reducePod. Bare pods, static pods and templates
//     keep their spec, without what keepEnv and keepArgs leave out.
//   - ConfigMaps: keepData. Events: keepEvent. Secrets are never read.
//   - Routing and policy objects: spec and status as they are.
//   - ReplicaSets that a Deployment owns, and Jobs that a CronJob owns, keep
//     no template; such a ReplicaSet without pods is left out.

// keepAnnotation says whether an annotation of this name is kept. Some values
// are reduced further: see annotationValue.
func keepAnnotation(name string) bool {
	prefix, _, found := strings.Cut(name, "/")
	if !found {
		return strings.HasPrefix(name, "istio") // istio-injection, put on a namespace as an annotation
	}
	switch name {
	case "kubectl.kubernetes.io/restartedAt",
		"kubectl.kubernetes.io/default-container",
		"deployment.kubernetes.io/revision",
		"k3s.io/node-args",
		"k8s.v1.cni.cncf.io/networks",
		"cluster-autoscaler.kubernetes.io/safe-to-evict",
		"admissions.enforcer/disabled",
		"mesh.kubectl/fault-review",
		"mesh.kubectl/route-change",
		"mesh.kubectl/route-made":
		return true
	}
	switch prefix {
	case "istio.io", "prometheus.io", "pod-security.kubernetes.io",
		"argocd.argoproj.io", "argo-rollouts.argoproj.io", "meta.helm.sh", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io":
		return true
	}
	return strings.HasSuffix(prefix, ".istio.io") ||
		strings.HasPrefix(name, "kubernetes.io/config.") ||
		strings.HasPrefix(name, "openshift.io/sa.scc.")
}

// istioContainer says whether a container of this name is one of Istio's:
// those of the injection templates, istiod's, and istio-cni's.
func istioContainer(name string) bool {
	switch name {
	case mesh.ProxyContainer, mesh.InitContainer, mesh.ValidationContainer, "discovery", "install-cni":
		return true
	}
	return false
}

// apiServerContainer is the container of kube-apiserver's static pod, as
// kubeadm and what builds on it write it.
const apiServerContainer = "kube-apiserver"

// keepEnv says whether the value of a variable that is given as plain text is
// kept. The names of the others are, in templates.
func keepEnv(container, name string) bool {
	switch {
	case container == apiServerContainer:
		switch strings.ToLower(name) {
		case "http_proxy", "https_proxy", "no_proxy", "all_proxy":
			return true
		}
		return false
	case !istioContainer(container):
		return false
	}
	return istioEnv(name)
}

// istioEnv lists the variables of Istio's own programs. ISTIO_METAJSON_* are
// left out: they repeat the pod's labels and annotations.
func istioEnv(name string) bool {
	switch name {
	case "REVISION", "PROXY_CONFIG", "TRUST_DOMAIN", "CLUSTER_ID", "PLATFORM", "JWT_POLICY", "TOKEN_AUDIENCES",
		"DISABLE_ENVOY", "EXTERNAL_ISTIOD", "SHARED_MESH_CONFIG", "COMPLIANCE_POLICY", "CA_ADDR", "CA_PROVIDER",
		"CA_TRUSTED_NODE_ACCOUNTS", "INJECTION_WEBHOOK_CONFIG_NAME", "VALIDATION_WEBHOOK_CONFIG_NAME",
		"LOCAL_CLUSTER_SECRET_WATCHER", "EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "INJECT_ENABLED":
		return true
	}
	if strings.HasPrefix(name, "ISTIO_METAJSON_") || secretName(name) {
		return false
	}
	return slices.ContainsFunc([]string{"PILOT_", "ISTIO_", "ISTIOD_", "ENABLE_", "CITADEL_", "CNI_", "AMBIENT_"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// keepPodEnv lists what is kept of the environment of a running pod's proxy.
func keepPodEnv(name string) bool {
	switch name {
	case "PROXY_CONFIG", "TRUST_DOMAIN", "CA_ADDR", "DISABLE_ENVOY", "COMPLIANCE_POLICY", "REVISION",
		"ISTIO_META_CLUSTER_ID", "ISTIO_META_INTERCEPTION_MODE", "ISTIO_META_MESH_ID", "ISTIO_META_NETWORK",
		"ISTIO_META_ENABLE_HBONE", "ISTIO_META_DNS_CAPTURE":
		return true
	}
	return false
}

// keepAPIServerFlag lists the flags of kube-apiserver that decide about
// admission, by name without dashes.
func keepAPIServerFlag(name string) bool {
	switch name {
	case "enable-admission-plugins", "disable-admission-plugins", "admission-control", "admission-control-config-file",
		"runtime-config", "feature-gates", "enable-aggregator-routing", "egress-selector-config-file":
		return true
	}
	return false
}

// keepConfigMap says whether a ConfigMap of this name is kept: the mesh's
// configuration and the injector's, of any revision, the root certificate, and
// istio-cni's settings.
func keepConfigMap(name string) bool {
	return name == "istio" || strings.HasPrefix(name, "istio-")
}

// keepData says whether a key of a kept ConfigMap is kept.
func keepData(configMap, key string) bool {
	switch {
	case configMap == rootCertConfigMap:
		return key == "root-cert.pem"
	case configMap == cniConfigMap:
		return slices.ContainsFunc([]string{"CNI_", "AMBIENT_", "REPAIR_", "CHAINED_", "EXCLUDE_NAMESPACES", "CURRENT_AGENT_VERSION", "ENABLE_"},
			func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	case strings.HasPrefix(configMap, injectorConfigMap):
		return key == "config" || key == "values"
	}
	return key == "mesh"
}

const (
	rootCertConfigMap = "istio-ca-root-cert"
	cniConfigMap      = "istio-cni-config"
	injectorConfigMap = "istio-sidecar-injector"
)

// keepEvent says whether a warning is kept, by its reason. Of what containers
// say themselves (the output of a failed probe or hook), only Istio's is.
func keepEvent(reason, fieldPath string) bool {
	switch reason {
	case "FailedCreate", "FailedScheduling", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox",
		"Failed", "BackOff", "ErrImagePull", "ImagePullBackOff", "InspectFailed", "ErrImageNeverPull",
		"FailedToUpdateEndpoint", "FailedToUpdateEndpointSlices", "ReplicaSetCreateError",
		"Evicted", "Preempted", "NetworkNotReady", "NodeNotReady", "OOMKilling",
		"FailedGetResourceMetric", "FailedComputeMetricsReplicas":
		return true
	case "Unhealthy", "FailedPostStartHook", "FailedPreStopHook":
		return istioContainer(containerIn(fieldPath))
	}
	return false
}

// containerIn reads the name out of spec.containers{NAME}.
func containerIn(fieldPath string) string {
	_, name, _ := strings.Cut(fieldPath, "{")
	return strings.TrimSuffix(name, "}")
}

// secretName says whether a variable, flag or key of this name is likely to
// hold a secret.
func secretName(name string) bool { return secretPattern.MatchString(name) }

var secretPattern = regexp.MustCompile(`(?i)passw|secret|token|credential|private_?key|api_?key|access_?key|authorization|bearer`)
