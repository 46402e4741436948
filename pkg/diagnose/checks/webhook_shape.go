package checks

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// deactivatedKey is the label in the selectors of a webhook that was switched
// off: nothing carries it (istio.io/istio 1.29.1, istioctl/pkg/util/util.go:
// NeverMatch).
const deactivatedKey = "istio.io/deactivated"

// injectorHook is one injection webhook and the configuration it stands in.
type injectorHook struct {
	config *admissionv1.MutatingWebhookConfiguration
	index  int
}

// injectorHooks lists the injection webhooks of a snapshot in the order in
// which the API server calls them.
func injectorHooks(s *mesh.Snapshot) []injectorHook {
	var all []injectorHook
	for _, c := range mesh.Injectors(s) {
		all = append(all, hooksOf(c)...)
	}
	return all
}

// hooksOf lists the injection webhooks of one configuration.
func hooksOf(c *admissionv1.MutatingWebhookConfiguration) []injectorHook {
	var all []injectorHook
	for i, w := range c.Webhooks {
		if mesh.IsInjector(w.Name) {
			all = append(all, injectorHook{c, i})
		}
	}
	return all
}

func (h injectorHook) hook() *admissionv1.MutatingWebhook { return &h.config.Webhooks[h.index] }

// field names a field of the webhook: "webhooks[2].failurePolicy".
func (h injectorHook) field(name string) string { return fmt.Sprintf("webhooks[%d].%s", h.index, name) }

// path is the field as a JSON pointer: "/webhooks/2/failurePolicy".
func (h injectorHook) path(name string) string { return fmt.Sprintf("/webhooks/%d/%s", h.index, name) }

// active reports whether the webhook can match anything: it was not switched
// off with never-match.
func (h injectorHook) active() bool {
	w := h.hook()
	return !neverMatches(w.NamespaceSelector) && !neverMatches(w.ObjectSelector)
}

func neverMatches(s *metav1.LabelSelector) bool {
	return s != nil && s.MatchLabels[deactivatedKey] != ""
}

// activeHooks are the hooks of a configuration that were not switched off.
func activeHooks(c *admissionv1.MutatingWebhookConfiguration) []injectorHook {
	return slices.DeleteFunc(hooksOf(c), func(h injectorHook) bool { return !h.active() })
}

func configRef(c *admissionv1.MutatingWebhookConfiguration) mesh.Ref {
	return mesh.RefTo(mesh.MutatingWebhooks, "", c.Name)
}

// role is the webhook's name without the common suffix: "rev.namespace",
// "namespace"; empty for the webhook that is named by the suffix alone.
func (h injectorHook) role() string {
	return strings.TrimSuffix(strings.TrimSuffix(h.hook().Name, mesh.InjectorSuffix), ".")
}

// answersTo is the revision or tag that a configuration is meant for.
func answersTo(c *admissionv1.MutatingWebhookConfiguration) string {
	if tag := c.Labels[mesh.TagLabel]; tag != "" {
		return tag
	}
	return mesh.RevisionOf(c.Labels)
}

// selectors are what a webhook matches by.
type selectors struct{ namespace, object metav1.LabelSelector }

// chartSelectors are the selectors that Istio's chart renders for a webhook of
// this role, for a revision or tag (istio.io/istio 1.29.1, manifests/charts/
// istio-control/istio-discovery/templates/{mutatingwebhook,revision-tags-mwc}.yaml;
// the same since 1.11). ok is false for a role that the chart does not have.
func chartSelectors(role, name string) (s selectors, ok bool) {
	type exp = metav1.LabelSelectorRequirement
	absent := func(key string) exp { return exp{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist} }
	in := func(key string, values ...string) exp {
		return exp{Key: key, Operator: metav1.LabelSelectorOpIn, Values: values}
	}
	notIn := func(key string, values ...string) exp {
		return exp{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: values}
	}
	sel := func(e ...exp) metav1.LabelSelector { return metav1.LabelSelector{MatchExpressions: e} }
	switch role {
	case "rev.namespace":
		return selectors{sel(in(mesh.RevisionLabel, name), absent(mesh.InjectionLabel)), sel(notIn(mesh.InjectLabel, "false"))}, true
	case "rev.object":
		return selectors{sel(absent(mesh.RevisionLabel), absent(mesh.InjectionLabel)), sel(notIn(mesh.InjectLabel, "false"), in(mesh.RevisionLabel, name))}, true
	case "namespace":
		return selectors{sel(in(mesh.InjectionLabel, "enabled")), sel(notIn(mesh.InjectLabel, "false"))}, true
	case "object":
		return selectors{sel(absent(mesh.InjectionLabel), absent(mesh.RevisionLabel)), sel(in(mesh.InjectLabel, "true"), absent(mesh.RevisionLabel))}, true
	case "auto":
		return selectors{
			sel(absent(mesh.InjectionLabel), absent(mesh.RevisionLabel), notIn(metadataName, systemNamespaces()...)),
			sel(absent(mesh.InjectLabel), absent(mesh.RevisionLabel)),
		}, true
	}
	return selectors{}, false
}

const metadataName = "kubernetes.io/metadata.name"

// systemNamespaces are those istiod never injects into (istio.io/istio 1.29.1,
// pkg/kube/inject/inject.go: IgnoredNamespaces).
func systemNamespaces() []string {
	return []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
}

// match reports whether both selectors match; an unreadable selector matches
// nothing.
func (s selectors) match(namespace, object map[string]string) bool {
	return selects(&s.namespace, namespace) && selects(&s.object, object)
}

func selects(s *metav1.LabelSelector, set map[string]string) bool {
	if s == nil {
		return true
	}
	sel, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && sel.Matches(labels.Set(set))
}

// live are the selectors that the webhook has; none matches everything.
func (h injectorHook) live() selectors {
	var s selectors
	if n := h.hook().NamespaceSelector; n != nil {
		s.namespace = *n
	}
	if o := h.hook().ObjectSelector; o != nil {
		s.object = *o
	}
	return s
}
