package admission_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
)

// FuzzDecide asks every cluster of the tests about arbitrary labels.
func FuzzDecide(f *testing.F) {
	folders, err := filepath.Glob("testdata/decide/*")
	require.NoError(f, err)
	var deciders []*admission.Decider
	for _, folder := range folders {
		deciders = append(deciders, admission.New(snapshot(f, filepath.Join(folder, "cluster.yaml"))))
	}
	f.Add("shop", "enabled", "", "", "", "", "", "", false)
	f.Add("kube-system", "", "canary", "true", "default", "false", "try", "two", true)
	f.Add("", "enabeld", "1-28", "True", "nope", "yes", "control-plane", "x", false)
	f.Fuzz(func(t *testing.T, name, injection, rev, inject, podRev, annotation, key, value string, host bool) {
		ns := namespace(name, map[string]string{"istio-injection": injection, "istio.io/rev": rev, key: value})
		tmpl := admission.Template{
			Labels:      map[string]string{"sidecar.istio.io/inject": inject, "istio.io/rev": podRev, key: value},
			Annotations: map[string]string{"sidecar.istio.io/inject": annotation}, HostNetwork: host,
		}
		for _, d := range deciders {
			sound(t, d, ns, tmpl)
			sound(t, d, nil, tmpl)
		}
	})
}

// FuzzNew prepares arbitrary selectors and injector configs.
func FuzzNew(f *testing.F) {
	f.Add("istio-injection", "In", "enabled", "policy: enabled")
	f.Add("a b", "Is", "", "neverInjectSelector: [{matchLabels: {a: b}}]")
	f.Add("", "", "", "[")
	f.Fuzz(func(t *testing.T, key, operator, value, config string) {
		s := cluster(t, "everything")
		s.MutatingWebhooks[0].Webhooks[0].NamespaceSelector = &metav1.LabelSelector{
			MatchLabels:      map[string]string{key: value},
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOperator(operator), Values: []string{value}}},
		}
		s.ConfigMaps[0].Data["config"] = config
		sound(t, admission.New(s), namespace("shop", map[string]string{key: value}), admission.Template{Labels: map[string]string{key: value}})
	})
}

// FuzzCondition compiles and evaluates arbitrary match conditions.
func FuzzCondition(f *testing.F) {
	f.Add("object.metadata.labels['app'] == 'web'", true)
	f.Add("object.metadata.labels[", false)
	f.Add("authorizer.group('x').resource('y').check('z').allowed() || request.userInfo.username == ''", true)
	f.Add("1", false)
	f.Fuzz(func(t *testing.T, expression string, ignore bool) {
		s := cluster(t, "everything")
		h := &s.MutatingWebhooks[0].Webhooks[0]
		h.MatchConditions = []admissionv1.MatchCondition{{Name: "c", Expression: expression}}
		if ignore {
			h.FailurePolicy = new(admissionv1.Ignore)
		}
		d := admission.New(s)
		sound(t, d, namespace("shop", nil), admission.Template{Labels: map[string]string{"app": "web"}})
		sound(t, d, namespace("shop", nil), admission.ForPod(&core.Pod{}))
	})
}

// sound holds for every decision there can be.
func sound(t *testing.T, d *admission.Decider, ns *core.Namespace, tmpl admission.Template) {
	t.Helper()
	got := d.Decide(ns, tmpl)
	require.Equal(t, got, d.Decide(ns, tmpl))
	require.NotEmpty(t, strings.TrimSpace(got.Reason))
	require.Equal(t, got.Inject, got.Gate == admission.Open)
	require.Equal(t, got.By != nil, got.Revision() != "")
	if got.Inject {
		require.NotNil(t, got.By)
		require.False(t, got.Refused)
	}
	if got.By != nil {
		require.True(t, got.By.Matches)
	}
	for _, v := range got.Webhooks {
		require.False(t, v.Matches && v.Refusal != "")
		require.True(t, v.Matches || len(v.Deciding) > 0, "nothing says why %s does not match", v.Webhook)
	}
}
