//go:build sandbox

package differential

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// foreignWebhooks adds what vendors and people make of injection webhooks: an
// enforcer's extra expression, matchLabels, rules that miss pods, match
// conditions that hold, fail and miss, and a configuration labelled with
// another revision than that of the istiod it calls.
func foreignWebhooks(ctx context.Context, t *testing.T, c *cluster) {
	webhooks := c.admin.AdmissionregistrationV1().MutatingWebhookConfigurations()
	require.NoError(t, retry.RetryOnConflict(retry.DefaultRetry, func() error {
		own, err := webhooks.Get(ctx, "istio-sidecar-injector", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for i := range own.Webhooks {
			s := own.Webhooks[i].NamespaceSelector
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist})
		}
		_, err = webhooks.Update(ctx, own, metav1.UpdateOptions{})
		return err
	}))
	teamA := &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}
	pods := func(labels map[string]string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: labels}
	}
	condition := func(name, expression string) admissionv1.MatchCondition {
		return admissionv1.MatchCondition{Name: name, Expression: expression}
	}
	ignore := admissionv1.Ignore
	clusterScope := admissionv1.ClusterScope
	for _, config := range []*admissionv1.MutatingWebhookConfiguration{
		foreign("a-vendor", "canary", "istiod-canary", admissionv1.MutatingWebhook{
			Name: "vendor." + mesh.InjectorSuffix, NamespaceSelector: teamA, ObjectSelector: pods(map[string]string{"app": "web"}),
			Rules: rule([]string{"*"}, []string{"*"}, []string{"*/*"}, nil),
			MatchConditions: []admissionv1.MatchCondition{
				condition("not-batch", "!('batch' in object.metadata.labels)"),
				condition("by-a-controller", "request.userInfo.username.startsWith('system:serviceaccount:kube-system:') && !has(request.name)"),
				condition("own-network", "!has(object.spec.hostNetwork) || !object.spec.hostNetwork"),
			},
		}),
		foreign("b-fragile", "default", "istiod", admissionv1.MutatingWebhook{
			Name: "closed." + mesh.InjectorSuffix, NamespaceSelector: teamA, ObjectSelector: pods(map[string]string{"fragile": "yes"}),
			MatchConditions: []admissionv1.MatchCondition{condition("nothere", "object.metadata.labels.nothere == 'x'"), condition("not-web", "object.metadata.labels[?'app'].orValue('') != 'web'")},
		}, admissionv1.MutatingWebhook{
			Name: "open." + mesh.InjectorSuffix, NamespaceSelector: teamA, ObjectSelector: pods(map[string]string{"fragile": "open"}), FailurePolicy: &ignore,
			MatchConditions: []admissionv1.MatchCondition{condition("nothere", "object.metadata.labels.nothere == 'x'")},
		}),
		foreign("z-lost", "default", "istiod-canary", admissionv1.MutatingWebhook{
			Name: "lost." + mesh.InjectorSuffix, ObjectSelector: pods(map[string]string{"app": "lost"}),
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"local-path-storage"}}}},
		}),
		foreign("z-rules", "default", "istiod",
			admissionv1.MutatingWebhook{Name: "exec." + mesh.InjectorSuffix, NamespaceSelector: teamA, Rules: rule([]string{""}, []string{"v1"}, []string{"pods/exec"}, nil)},
			admissionv1.MutatingWebhook{Name: "scope." + mesh.InjectorSuffix, NamespaceSelector: teamA, Rules: rule([]string{""}, []string{"v1"}, []string{"pods"}, &clusterScope)},
			admissionv1.MutatingWebhook{Name: "group." + mesh.InjectorSuffix, NamespaceSelector: teamA, Rules: rule([]string{"apps"}, []string{"*"}, []string{"*"}, nil)},
		),
	} {
		c.addWebhooks(ctx, t, config)
	}
}

func rule(groups, versions, resources []string, scope *admissionv1.ScopeType) []admissionv1.RuleWithOperations {
	return []admissionv1.RuleWithOperations{{
		Operations: []admissionv1.OperationType{admissionv1.Create},
		Rule:       admissionv1.Rule{APIGroups: groups, APIVersions: versions, Resources: resources, Scope: scope},
	}}
}

func foreign(name, revision, service string, hooks ...admissionv1.MutatingWebhook) *admissionv1.MutatingWebhookConfiguration {
	none, path := admissionv1.SideEffectClassNone, "/inject"
	for i := range hooks {
		h := &hooks[i]
		h.ClientConfig.Service = &admissionv1.ServiceReference{Namespace: sandbox.SystemNamespace, Name: service, Path: &path}
		h.SideEffects, h.AdmissionReviewVersions = &none, []string{"v1"}
		if h.Rules == nil {
			h.Rules = rule([]string{""}, []string{"v1"}, []string{"pods"}, nil)
		}
	}
	config := &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}, Webhooks: hooks}
	if revision != "" {
		config.Labels = map[string]string{mesh.RevisionLabel: revision}
	}
	return config
}

// addWebhooks creates a configuration that calls istiod, with its CA.
func (c *cluster) addWebhooks(ctx context.Context, t *testing.T, config *admissionv1.MutatingWebhookConfiguration) {
	t.Helper()
	webhooks := c.admin.AdmissionregistrationV1().MutatingWebhookConfigurations()
	own, err := webhooks.Get(ctx, "istio-sidecar-injector", metav1.GetOptions{})
	require.NoError(t, err)
	for i := range config.Webhooks {
		config.Webhooks[i].ClientConfig.CABundle = own.Webhooks[0].ClientConfig.CABundle
	}
	_, err = webhooks.Create(ctx, config, metav1.CreateOptions{})
	require.NoError(t, err)
}
