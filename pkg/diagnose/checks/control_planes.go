package checks

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// istiodRevision is the revision that an istiod takes itself for: the env
// REVISION of its container, else its Deployment's label.
func istiodRevision(d *apps.Deployment) string {
	if v := istiodEnv(d, "REVISION"); v != "" {
		return v
	}
	return mesh.RevisionOf(d.Labels)
}

// istiodEnv is a variable of istiod's container.
func istiodEnv(d *apps.Deployment, name string) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if c.Name == "discovery" && e.Name == name {
				return e.Value
			}
		}
	}
	return ""
}

// istiods are the control planes that have a Deployment.
func istiods(p *diagnose.Pass) []*mesh.ControlPlane {
	return slices.DeleteFunc(slices.Clone(p.ControlPlanes), func(cp *mesh.ControlPlane) bool { return cp.Deployment == nil })
}

// istiodNamed is an istiod of a revision; nil when there is none.
func istiodNamed(p *diagnose.Pass, revision string) *mesh.ControlPlane {
	for _, cp := range istiods(p) {
		if istiodRevision(cp.Deployment) == revision {
			return cp
		}
	}
	return nil
}

// calledService is the Service that a configuration's webhooks call; nil for a
// URL.
func calledService(c *admissionv1.MutatingWebhookConfiguration) *admissionv1.ServiceReference {
	for _, h := range hooksOf(c) {
		if s := h.hook().ClientConfig.Service; s != nil {
			return s
		}
	}
	return nil
}

// serviceName is what Istio's chart calls the Service of a revision.
func serviceName(revision string) string {
	if revision == "" || revision == "default" {
		return "istiod"
	}
	return "istiod-" + revision
}

// answering is the istiod behind a Service: by the Service's selector, or by
// its name where the Service is not there. nil when none is found.
func answering(p *diagnose.Pass, ref *admissionv1.ServiceReference) *mesh.ControlPlane {
	if ref == nil {
		return nil
	}
	if svc := serviceOf(p.Snapshot, ref.Namespace, ref.Name); svc != nil && len(svc.Spec.Selector) > 0 {
		for _, cp := range istiods(p) {
			if cp.Namespace == ref.Namespace && includes(cp.Deployment.Spec.Template.Labels, svc.Spec.Selector) {
				return cp
			}
		}
	}
	for _, cp := range istiods(p) {
		if cp.Namespace == ref.Namespace && serviceName(istiodRevision(cp.Deployment)) == ref.Name {
			return cp
		}
	}
	return nil
}

func serviceOf(s *mesh.Snapshot, namespace, name string) *core.Service {
	for _, svc := range s.Services {
		if svc.Namespace == namespace && svc.Name == name {
			return svc
		}
	}
	return nil
}

func includes(set, subset map[string]string) bool {
	for k, v := range subset {
		if set[k] != v {
			return false
		}
	}
	return true
}

// rootCert is the ConfigMap in which istiod publishes the root of its CA, in a
// namespace (istio.io/istio 1.29.1, pkg/config/constants: CACertNamespaceConfigMap).
func rootCert(s *mesh.Snapshot, namespace string) *core.ConfigMap {
	for _, m := range s.ConfigMaps {
		if m.Namespace == namespace && m.Name == rootCertName {
			return m
		}
	}
	return nil
}

const (
	rootCertName = "istio-ca-root-cert"
	rootCertKey  = "root-cert.pem"
)

// restartIstiod is the step that replaces istiod's pods.
func restartIstiod(cp *mesh.ControlPlane, say string) diagnose.Step {
	return diagnose.Step{
		Run:  kubectl(cp.Namespace, "rollout", "restart", "deployment/"+cp.Deployment.Name),
		Say:  say,
		Kind: diagnose.StepRestart,
	}
}

// bestRevision is the revision to recommend among the istiods: the one of the
// highest version, the first by name among equals; empty without istiods.
func bestRevision(p *diagnose.Pass) string {
	best, at := "", version{}
	for _, cp := range istiods(p) {
		rev := istiodRevision(cp.Deployment)
		v, _ := parseVersion(cp.Version())
		if best == "" || v.compare(at) > 0 || v.compare(at) == 0 && strings.Compare(rev, best) < 0 {
			best, at = rev, v
		}
	}
	return best
}
