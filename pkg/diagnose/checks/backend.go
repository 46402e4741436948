package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// backend is a Service that injection webhooks call, and what stands behind
// it. Webhooks that call a URL have none.
type backend struct {
	namespace, name string
	revision        string          // of the webhook configurations
	configs         []string        // names of the webhook configurations that call it
	webhooks        map[string]bool // by configuration and index, as webhookKey spells them
	ports           []int32         // the Service's ports that they call
	open            map[string]bool // those of them that have failurePolicy Ignore
	failOpen        bool            // all of them have

	service    *core.Service // nil: not there, or not read
	deployment *apps.Deployment
	pods       []*core.Pod // that the Service selects, or of the Deployment where it selects none; newest first
	selects    bool        // the Service selects the pods of the Deployment
	hosts      []string    // the endpoints behind the port that the webhooks call, as HOST:PORT
	up, all    int         // how many of its addresses are ready, and how many there are
	injected   time.Time   // when the youngest pod was made that its revision injected; zero when none
}

// String names the Service: "Service istio-system/istiod".
func (b *backend) String() string       { return "Service " + b.namespace + "/" + b.name }
func (b *backend) ref() mesh.Ref        { return mesh.RefTo(mesh.Services, b.namespace, b.name) }
func webhookKey(c string, i int) string { return fmt.Sprintf("%s/%d", c, i) }

// backends returns the Services that injection webhooks call, ordered by
// namespace and name. Deactivated webhooks, which never match, call nothing.
// Needs MutatingWebhooks; better with Services, Deployments, Pods.
func backends(s *mesh.Snapshot) []*backend {
	var all []*backend
	for _, c := range mesh.Injectors(s) {
		for i, w := range c.Webhooks {
			svc := w.ClientConfig.Service
			if svc == nil || !mesh.IsInjector(w.Name) || deactivated(w) {
				continue
			}
			at := slices.IndexFunc(all, func(b *backend) bool { return b.namespace == svc.Namespace && b.name == svc.Name })
			if at < 0 {
				all = append(all, &backend{
					namespace: svc.Namespace, name: svc.Name, revision: mesh.RevisionOf(c.Labels),
					webhooks: map[string]bool{}, open: map[string]bool{}, failOpen: true,
				})
				at = len(all) - 1
			}
			all[at].add(c, i)
		}
	}
	for _, b := range all {
		b.find(s)
	}
	slices.SortFunc(all, func(a, b *backend) int { return a.ref().Compare(b.ref()) })
	return all
}

func (b *backend) add(c *admissionv1.MutatingWebhookConfiguration, i int) {
	w := c.Webhooks[i]
	if !slices.Contains(b.configs, c.Name) {
		b.configs = append(b.configs, c.Name)
	}
	b.webhooks[webhookKey(c.Name, i)] = true
	port := int32(443)
	if w.ClientConfig.Service.Port != nil {
		port = *w.ClientConfig.Service.Port
	}
	if !slices.Contains(b.ports, port) {
		b.ports = append(b.ports, port)
	}
	ignores := w.FailurePolicy != nil && *w.FailurePolicy == admissionv1.Ignore
	b.open[webhookKey(c.Name, i)] = ignores
	b.failOpen = b.failOpen && ignores
}

// deactivated reports whether a webhook was made to match nothing, as
// istioctl does with a configuration that a tag replaces
// (istio.io/istio 1.29.1, istioctl/pkg/util/common.go: NeverMatch).
func deactivated(w admissionv1.MutatingWebhook) bool {
	for _, sel := range []*metav1.LabelSelector{w.NamespaceSelector, w.ObjectSelector} {
		if sel != nil && sel.MatchLabels["istio.io/deactivated"] != "" {
			return true
		}
	}
	return false
}

func (b *backend) find(s *mesh.Snapshot) {
	for _, svc := range s.Services {
		if svc.Namespace == b.namespace && svc.Name == b.name {
			b.service = svc
		}
	}
	b.deployment = b.findDeployment(s)
	b.hosts = b.addresses(s)
	b.up, b.all = b.endpoints(s)
	b.injected = lastInjected(s, b.revision)
	sel := labels.Nothing()
	if b.service != nil && len(b.service.Spec.Selector) > 0 {
		sel = labels.SelectorFromSet(b.service.Spec.Selector)
	}
	b.pods = podsOf(s, b.namespace, sel)
	b.selects = len(b.pods) > 0
	if d := b.deployment; d != nil {
		b.selects = sel.Matches(labels.Set(d.Spec.Template.Labels))
		if own, err := metav1.LabelSelectorAsSelector(d.Spec.Selector); err == nil && len(b.pods) == 0 && !own.Empty() {
			b.pods = podsOf(s, b.namespace, own)
		}
	}
}

// findDeployment returns the Deployment whose pods the Service selects, or
// else the istiod of the webhooks' revision.
func (b *backend) findDeployment(s *mesh.Snapshot) *apps.Deployment {
	var selected, revised *apps.Deployment
	for _, d := range s.Deployments {
		if d.Namespace != b.namespace {
			continue
		}
		own := mesh.RevisionOf(d.Labels) == b.revision
		if b.service != nil && len(b.service.Spec.Selector) > 0 && (selected == nil || own) &&
			labels.SelectorFromSet(b.service.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) {
			selected = d
		}
		if own && (d.Labels["app"] == "istiod" || d.Labels["istio"] == "pilot") {
			revised = d
		}
	}
	if selected != nil {
		return selected
	}
	return revised
}

func podsOf(s *mesh.Snapshot, namespace string, sel labels.Selector) []*core.Pod {
	var pods []*core.Pod
	for _, p := range s.Pods {
		if p.Namespace == namespace && !mesh.Done(p) && p.DeletionTimestamp == nil && sel.Matches(labels.Set(p.Labels)) {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b *core.Pod) int {
		if c := b.CreationTimestamp.Compare(a.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return pods
}

// port is the Service's port that the webhooks call; nil when it has none such.
func (b *backend) port() *core.ServicePort {
	if b.service == nil {
		return nil
	}
	for i, p := range b.service.Spec.Ports {
		if slices.Contains(b.ports, p.Port) {
			return &b.service.Spec.Ports[i]
		}
	}
	return nil
}

// endpoints counts the addresses behind the port that the webhooks call, as
// the API server looks for them
// (k8s.io/apiserver v0.35.0, pkg/util/proxy/proxy.go: ResolveEndpoint).
func (b *backend) endpoints(s *mesh.Snapshot) (ready, all int) {
	port := b.port()
	for _, sl := range s.EndpointSlices {
		if port == nil || sl.Namespace != b.namespace || sl.Labels[discovery.LabelServiceName] != b.name || !hasPort(sl, port.Name) {
			continue
		}
		for _, e := range sl.Endpoints {
			all++
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				ready++
			}
		}
	}
	return ready, all
}

func hasPort(sl *discovery.EndpointSlice, name string) bool {
	return slices.ContainsFunc(sl.Ports, func(p discovery.EndpointPort) bool {
		return p.Port != nil && (p.Name == nil && name == "" || p.Name != nil && *p.Name == name)
	})
}

// healthy reports whether the Service has a ready endpoint for the webhooks.
func (b *backend) healthy() bool { return b.up > 0 }

// readySince is when the istiod that has been ready longest became so; zero
// when none is, or it is not known.
func (b *backend) readySince() time.Time {
	var since time.Time
	for _, p := range b.pods {
		for _, c := range p.Status.Conditions {
			if c.Type == core.PodReady && c.Status == core.ConditionTrue &&
				(since.IsZero() || c.LastTransitionTime.Time.Before(since)) {
				since = c.LastTransitionTime.Time
			}
		}
	}
	return since
}

// backendKinds are the kinds that backends and refusals look at, beyond what
// Routed needs.
func backendKinds(more ...mesh.Kind) []mesh.Kind {
	kinds := append(diagnose.WorkloadKinds(), mesh.ConfigMaps, mesh.Services, mesh.Pods, mesh.Events, mesh.NetworkPolicies)
	return append(kinds, more...)
}

// hasIstio reports whether there is any sign of a control plane or of its
// webhooks. Checks of the API server say nothing of clusters without.
func hasIstio(p *diagnose.Pass) bool {
	return len(p.ControlPlanes) > 0 || len(mesh.Injectors(p.Snapshot)) > 0
}
