package checks

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// newConfig is the webhook configuration of a revision as a manifest, with the
// fields that Istio's chart sets and the API server does not default
// (istio.io/istio 1.29.1, manifests/charts/istio-control/istio-discovery/
// templates/mutatingwebhook.yaml). istiod fills in caBundle.
type newConfig struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   newMeta      `json:"metadata"`
	Webhooks   []newWebhook `json:"webhooks"`
}

type newMeta struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type newWebhook struct {
	Name                    string                           `json:"name"`
	ClientConfig            newClientConfig                  `json:"clientConfig"`
	SideEffects             string                           `json:"sideEffects"`
	AdmissionReviewVersions []string                         `json:"admissionReviewVersions"`
	Rules                   []admissionv1.RuleWithOperations `json:"rules"`
	NamespaceSelector       metav1.LabelSelector             `json:"namespaceSelector"`
	ObjectSelector          metav1.LabelSelector             `json:"objectSelector"`
}

type newClientConfig struct {
	Service newServiceRef `json:"service"`
}

type newServiceRef struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Path      string `json:"path"`
	Port      int    `json:"port"`
}

// createConfig is the command that makes the webhook configuration of an
// istiod that has none.
func createConfig(revision, namespace, say string) diagnose.Step {
	name := "istio-sidecar-injector"
	if revision != "default" {
		name += "-" + revision
	}
	if namespace != "istio-system" {
		name += "-" + namespace
	}
	c := newConfig{
		APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration",
		Metadata: newMeta{Name: name, Labels: map[string]string{"app": "sidecar-injector", mesh.RevisionLabel: revision}},
	}
	for _, role := range chartRoles(revision) {
		s, _ := chartSelectors(role, revision)
		c.Webhooks = append(c.Webhooks, newWebhook{
			Name:         role + "." + mesh.InjectorSuffix,
			ClientConfig: newClientConfig{newServiceRef{serviceName(revision), namespace, "/inject", 443}},
			SideEffects:  "None", AdmissionReviewVersions: []string{"v1"}, Rules: chartRules(),
			NamespaceSelector: s.namespace, ObjectSelector: s.object,
		})
	}
	return diagnose.Step{Run: "kubectl create -f - <<<" + quoted(c), Say: say, Kind: diagnose.StepOther}
}

// chartRules are the rules of every injection webhook of Istio's chart.
func chartRules() []admissionv1.RuleWithOperations {
	return []admissionv1.RuleWithOperations{{
		Operations: []admissionv1.OperationType{admissionv1.Create},
		Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
	}}
}

// chartRoles are the webhooks that Istio's chart renders for a revision or tag.
func chartRoles(name string) []string {
	if name == "default" {
		return []string{"rev.namespace", "rev.object", "namespace", "object"}
	}
	return []string{"rev.namespace", "rev.object"}
}
