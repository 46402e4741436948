package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// SystemNamespace is where Start installs Istio.
const SystemNamespace = "istio-system"

// revisionKey names one istiod; name is "default" for the one without a revision.
type revisionKey struct{ namespace, name string }

// InstallRevision installs an istiod of its own ports beside those that are there, in istio-system unless sets
// contain values.global.istioNamespace=…, and returns when it is ready and injecting. sets are istioctl's --set;
// profile=minimal stands first. The revision "default" is the one without a revision label of its own. Installing
// a revision that is there changes it.
func (s *Sandbox) InstallRevision(ctx context.Context, revision string, sets ...string) error {
	sets = append([]string{"profile=minimal"}, sets...)
	if revision != "" && revision != "default" {
		sets = append(sets, "revision="+revision)
	}
	return s.installIstio(ctx, sets)
}

// SetTag points a revision tag at a revision, as istioctl tag set --overwrite does.
func (s *Sandbox) SetTag(ctx context.Context, tag, revision string) error {
	_, err := s.Istioctl(ctx, "tag", "set", tag, "--revision", revision, "--overwrite", "-y")
	return err
}

// rendered is an Istio installation that is ready to be applied.
type rendered struct {
	key            revisionKey
	base, gateways []*unstructured.Unstructured
}

// prepareIstio renders an installation and gives its istiod the sandbox's ports. It needs no API server.
func (s *Sandbox) prepareIstio(ctx context.Context, sets []string) (rendered, error) {
	r := rendered{key: revisionKey{
		namespace: lastSet(sets, "values.global.istioNamespace", SystemNamespace),
		name:      lastSet(sets, "revision", lastSet(sets, "values.revision", "default")),
	}}
	objs, err := s.render(ctx, r.key.namespace, sets)
	if err != nil {
		return r, err
	}
	ports, err := s.portsFor(r.key)
	if err != nil {
		return r, err
	}
	for _, obj := range objs {
		if err := usePorts(obj, ports); err != nil {
			return r, fmt.Errorf("%s %s: %w", obj.GetKind(), obj.GetName(), err)
		}
		if isGateway(obj) {
			r.gateways = append(r.gateways, obj)
		} else {
			r.base = append(r.base, obj)
		}
	}
	return r, nil
}

// portsFor is the revision's set of ports; it stays the same as long as the sandbox lives.
func (s *Sandbox) portsFor(key revisionKey) (istiodPorts, error) {
	if p, ok := s.revisions[key]; ok {
		return p, nil
	}
	n := len(s.revisions)
	if n == maxRevisions {
		return istiodPorts{}, fmt.Errorf("a sandbox holds %d revisions at most", maxRevisions)
	}
	s.revisions[key] = s.ports.istiod(n)
	return s.revisions[key], nil
}

// lastSet is the value of the last --set of that name.
func lastSet(sets []string, name, otherwise string) string {
	for _, set := range sets {
		if key, value, _ := strings.Cut(set, "="); key == name {
			otherwise = value
		}
	}
	return otherwise
}

// isGateway tells whether obj is a workload whose proxy istiod has to inject, which waits for istiod.
func isGateway(obj *unstructured.Unstructured) bool {
	templates, _, _ := unstructured.NestedString(obj.Object, "spec", "template", "metadata", "annotations", "inject.istio.io/templates")
	return obj.GetKind() == "Deployment" && strings.Contains(templates, "gateway")
}

func (s *Sandbox) installIstio(ctx context.Context, sets []string) error {
	r, err := s.prepareIstio(ctx, sets)
	if err != nil {
		return err
	}
	return s.applyIstio(ctx, r)
}

// applyIstio writes an installation in the order of istioctl install: gateways once istiod injects.
func (s *Sandbox) applyIstio(ctx context.Context, r rendered) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.key.namespace}}
	if _, err := s.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := s.apply(ctx, r.base); err != nil {
		return err
	}
	if err := s.waitIstiod(ctx, r.key); err != nil {
		return err
	}
	if err := s.apply(ctx, r.gateways); err != nil {
		return err
	}
	return s.waitDeployments(ctx, r.key.namespace, time.Minute)
}

// deploymentName is the name that the chart gives a revision's istiod.
func (k revisionKey) deploymentName() string {
	if k.name == "default" {
		return "istiod"
	}
	return "istiod-" + k.name
}

// waitIstiod waits until a revision's istiod is available and its certificate stands in its webhooks.
func (s *Sandbox) waitIstiod(ctx context.Context, key revisionKey) error {
	return s.wait(ctx, fmt.Sprintf("istiod %s/%s to inject", key.namespace, key.name), 90*time.Second, func(ctx context.Context) (bool, error) {
		d, err := s.client.AppsV1().Deployments(key.namespace).Get(ctx, key.deploymentName(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas == 0 || d.Status.UnavailableReplicas > 0 || d.Status.UpdatedReplicas < d.Status.Replicas {
			return false, fmt.Errorf("deployment %s is not available; see %s/istiod-*.log", d.Name, s.LogDir())
		}
		if found, err := s.hasEndpoint(ctx, key); err != nil || !found {
			return false, err
		}
		return s.webhooksReady(ctx, key)
	})
}

// webhooksReady tells whether istiod has written its CA into the webhooks that lead to it, and has made its
// validation strict, which it does once it has seen its own webhook at work.
func (s *Sandbox) webhooksReady(ctx context.Context, key revisionKey) (bool, error) {
	mutating, err := s.client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{LabelSelector: "istio.io/rev=" + key.name})
	if err != nil {
		return false, err
	}
	for _, c := range mutating.Items {
		for _, w := range c.Webhooks {
			if s := w.ClientConfig.Service; s != nil && s.Namespace == key.namespace && s.Name == key.deploymentName() && len(w.ClientConfig.CABundle) == 0 {
				return false, fmt.Errorf("webhook %s of %s has no caBundle", w.Name, c.Name)
			}
		}
	}
	validating, err := s.client.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{LabelSelector: "istio.io/rev=" + key.name})
	if err != nil {
		return false, err
	}
	for _, c := range validating.Items {
		for _, w := range c.Webhooks {
			if s := w.ClientConfig.Service; s == nil || s.Namespace != key.namespace || s.Name != key.deploymentName() {
				continue
			}
			if len(w.ClientConfig.CABundle) == 0 || w.FailurePolicy == nil || *w.FailurePolicy != "Fail" {
				return false, fmt.Errorf("webhook %s of %s is not strict yet", w.Name, c.Name)
			}
		}
	}
	return true, nil
}

// waitDeployments waits until every Deployment of a namespace that wants pods has them all.
func (s *Sandbox) waitDeployments(ctx context.Context, namespace string, limit time.Duration) error {
	return s.wait(ctx, "deployments of "+namespace, limit, func(ctx context.Context) (bool, error) {
		list, err := s.client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		var missing []error
		for _, d := range list.Items {
			if d.Status.ObservedGeneration < d.Generation || d.Spec.Replicas != nil && d.Status.AvailableReplicas < *d.Spec.Replicas {
				missing = append(missing, fmt.Errorf("%s has %d available pods", d.Name, d.Status.AvailableReplicas))
			}
		}
		return len(missing) == 0, errors.Join(missing...)
	})
}
