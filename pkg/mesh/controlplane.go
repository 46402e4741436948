package mesh

import (
	"cmp"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
)

// InjectorSuffix ends the names of Istio's injection webhooks; istiod patches
// the CA bundle of those alone (istio.io/istio 1.29.1,
// pkg/webhooks/webhookpatch.go).
const InjectorSuffix = "sidecar-injector.istio.io"

// TagLabel names, on a webhook configuration, the revision tag it is for.
const TagLabel = "istio.io/tag"

// ControlPlane is one revision of istiod, found from webhook configurations,
// Deployments labelled app=istiod, and injector ConfigMaps, wherever they live.
type ControlPlane struct {
	Revision  string // "default" where labels say so or are empty
	Namespace string
	Tags      []string

	Deployment *apps.Deployment                            // nil when there is none, or it was not read
	Webhooks   []*admissionv1.MutatingWebhookConfiguration // its own and its tags'
	Injector   *core.ConfigMap                             // istio-sidecar-injector[-REVISION]; nil when not read
	Mesh       *core.ConfigMap                             // istio[-REVISION]; nil when not read
}

// Version is the version its Deployment runs, of the image's tag; empty when
// it is not known.
func (c *ControlPlane) Version() string {
	if c.Deployment == nil {
		return ""
	}
	for _, ctr := range c.Deployment.Spec.Template.Spec.Containers {
		if ctr.Name == "discovery" {
			return ImageVersion(ctr.Image)
		}
	}
	return ""
}

// Names lists what a namespace or pod may call this control plane in its
// istio.io/rev label: the revision and its tags.
func (c *ControlPlane) Names() []string { return append([]string{c.Revision}, c.Tags...) }

// IsInjector reports whether a webhook is one of Istio's injection webhooks.
func IsInjector(webhook string) bool { return strings.HasSuffix(webhook, InjectorSuffix) }

// Injectors returns the configurations that hold injection webhooks, ordered
// by name, which is the order the API server calls them in
// (k8s.io/apiserver v0.35.0, pkg/admission/configuration/mutating_webhook_manager.go).
func Injectors(s *Snapshot) []*admissionv1.MutatingWebhookConfiguration {
	var found []*admissionv1.MutatingWebhookConfiguration
	for _, c := range s.MutatingWebhooks {
		if slices.ContainsFunc(c.Webhooks, func(w admissionv1.MutatingWebhook) bool { return IsInjector(w.Name) }) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *admissionv1.MutatingWebhookConfiguration) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// RevisionOf is the revision that labels name: "default" when they name none.
func RevisionOf(labels map[string]string) string { return cmp.Or(labels[RevisionLabel], "default") }

// ControlPlanes finds the istiods of a snapshot, ordered by revision and
// namespace.
func ControlPlanes(s *Snapshot) []*ControlPlane {
	f := planes{}
	for _, d := range s.Deployments {
		if d.Labels["app"] == "istiod" || d.Labels["istio"] == "pilot" {
			f.plane(RevisionOf(d.Labels), d.Namespace).Deployment = d
		}
	}
	for _, c := range Injectors(s) {
		cp := f.plane(RevisionOf(c.Labels), serviceNamespace(c))
		cp.Webhooks = append(cp.Webhooks, c)
		if tag := c.Labels[TagLabel]; tag != "" {
			cp.Tags = append(cp.Tags, tag)
		}
	}
	for _, m := range s.ConfigMaps {
		if rev, ok := revisionSuffix(m.Name, "istio-sidecar-injector"); ok {
			f.plane(rev, m.Namespace).Injector = m
		}
	}
	for _, m := range s.ConfigMaps {
		rev, ok := revisionSuffix(m.Name, "istio")
		if cp := f.find(rev, m.Namespace); ok && cp != nil && m.Data["mesh"] != "" {
			cp.Mesh = m
		}
	}
	slices.SortFunc(f.list, func(a, b *ControlPlane) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Namespace, b.Namespace))
	})
	return f.list
}

type planes struct{ list []*ControlPlane }

// find returns the plane of a revision; a webhook that calls a URL names no
// namespace, and belongs to the first plane of its revision.
func (f *planes) find(revision, namespace string) *ControlPlane {
	for _, cp := range f.list {
		if cp.Revision == revision && (cp.Namespace == namespace || cp.Namespace == "" || namespace == "") {
			return cp
		}
	}
	return nil
}

func (f *planes) plane(revision, namespace string) *ControlPlane {
	if cp := f.find(revision, namespace); cp != nil {
		cp.Namespace = cmp.Or(cp.Namespace, namespace)
		return cp
	}
	cp := &ControlPlane{Revision: revision, Namespace: namespace}
	f.list = append(f.list, cp)
	return cp
}

func serviceNamespace(c *admissionv1.MutatingWebhookConfiguration) string {
	for _, w := range c.Webhooks {
		if svc := w.ClientConfig.Service; svc != nil && IsInjector(w.Name) {
			return svc.Namespace
		}
	}
	return ""
}

// revisionSuffix reads the revision off a ConfigMap's name: base is the
// default revision's, base-REVISION another's.
func revisionSuffix(name, base string) (string, bool) {
	if name == base {
		return "default", true
	}
	return strings.CutPrefix(name, base+"-")
}
