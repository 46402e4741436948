package admission_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func namespace(name string, labels map[string]string) *core.Namespace {
	return &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

func cluster(t *testing.T, name string) *mesh.Snapshot {
	t.Helper()
	return snapshot(t, "testdata/decide/"+name+"/cluster.yaml")
}

func TestVerdictOfEveryWebhookNamesWhatDecided(t *testing.T) {
	d := admission.New(cluster(t, "revision-only")).
		Decide(namespace("shop", map[string]string{"istio-injection": "enabeld"}), admission.Template{Labels: map[string]string{"sidecar.istio.io/inject": "false"}})
	rev := admission.Expression{Field: "webhooks[0].namespaceSelector.matchExpressions[0]", Want: "istio.io/rev In [canary]", Got: "namespace label istio.io/rev is not set"}
	inject := admission.Expression{Field: "webhooks[0].objectSelector.matchExpressions[0]", Want: "sidecar.istio.io/inject NotIn [false]", Got: `pod label sidecar.istio.io/inject is "false"`}
	require.Equal(t, []admission.Verdict{
		{
			Config: "istio-sidecar-injector-canary", Index: 0, Webhook: "rev.namespace.sidecar-injector.istio.io", Revision: "canary",
			Deciding: []admission.Expression{
				rev,
				{Field: "webhooks[0].namespaceSelector.matchExpressions[1]", Want: "istio-injection DoesNotExist", Got: `namespace label istio-injection is "enabeld"`},
				inject,
			},
		},
		{
			Config: "istio-sidecar-injector-canary", Index: 1, Webhook: "rev.object.sidecar-injector.istio.io", Revision: "canary",
			Deciding: []admission.Expression{
				{Field: "webhooks[1].namespaceSelector.matchExpressions[1]", Want: "istio-injection DoesNotExist", Got: `namespace label istio-injection is "enabeld"`},
				{Field: "webhooks[1].objectSelector.matchExpressions[0]", Want: inject.Want, Got: inject.Got},
				{Field: "webhooks[1].objectSelector.matchExpressions[1]", Want: "istio.io/rev In [canary]", Got: "pod label istio.io/rev is not set"},
			},
		},
	}, d.Webhooks)
}

func TestMatchingVerdictNamesAllThatHolds(t *testing.T) {
	d := admission.New(cluster(t, "match-conditions")).
		Decide(namespace("shop", map[string]string{"try": "two"}), admission.Template{Labels: map[string]string{"app": "web"}})
	require.Equal(t, &admission.Verdict{
		Config: "condition-two", Webhook: "two.sidecar-injector.istio.io", Revision: "default", Matches: true,
		Deciding: []admission.Expression{
			{Field: "webhooks[0].namespaceSelector.matchLabels[try]", Want: "try = two", Got: `namespace label try is "two"`},
			{Field: "webhooks[0].matchConditions[0]", Want: "object.metadata.labels['app'] == 'web'", Got: `match condition "named-web" is true`},
			{Field: "webhooks[0].matchConditions[1]", Want: "request.namespace != 'kube-system'", Got: `match condition "not-kube-system" is true`},
		},
		Istiod: admission.Istiod{
			Inject: true, Rule: admission.Policy, Revision: "default", Namespace: "istio-system",
			Reason: `the injection policy in ConfigMap istio-system/istio-sidecar-injector is "enabled"`,
		},
	}, d.By)
}

func TestWebhooksOfOtherProgramsAreNotAsked(t *testing.T) {
	s := cluster(t, "revision-only")
	s.MutatingWebhooks[0].Webhooks[1].Name = "defaulter.example.com"
	d := admission.New(s).Decide(namespace("shop", nil), admission.Template{Labels: map[string]string{"istio.io/rev": "canary"}})
	require.Len(t, d.Webhooks, 1)
	require.Equal(t, admission.ByAPIServer, d.Gate)
}

func TestWebhooksStandInTheOrderOfTheAPIServer(t *testing.T) {
	s := cluster(t, "overlap")
	s.MutatingWebhooks[0], s.MutatingWebhooks[1] = s.MutatingWebhooks[1], s.MutatingWebhooks[0]
	var order []string
	for _, i := range admission.New(s).Injectors() {
		order = append(order, i.Config+"/"+i.Webhook)
	}
	require.Equal(t, []string{
		"a-canary/one.sidecar-injector.istio.io",
		"istio-sidecar-injector/rev.namespace.sidecar-injector.istio.io",
		"istio-sidecar-injector/rev.object.sidecar-injector.istio.io",
		"istio-sidecar-injector/namespace.sidecar-injector.istio.io",
		"istio-sidecar-injector/object.sidecar-injector.istio.io",
	}, order)
}

func TestInjectorsTellWhoAnswers(t *testing.T) {
	require.Equal(t, []admission.Injector{{
		Config: "mislabelled", Webhook: "lie.sidecar-injector.istio.io", Revision: "other",
		Service: "istio-system/istiod-canary", Istiod: "canary", IstiodNamespace: "istio-system",
	}}, admission.New(cluster(t, "service-of-another-revision")).Injectors())
}

func TestRevisionsAreWhatLiveWebhooksListenTo(t *testing.T) {
	for name, want := range map[string][]string{
		"helm-two-revisions": {"canary", "default", "prod", "stable"},
		"default-tag":        {"canary", "default"},
		"revision-only":      {"canary"},
		"deactivated":        nil,
		"no-webhooks":        nil,
	} {
		require.Equal(t, want, admission.New(cluster(t, name)).Revisions(), name)
	}
}

func TestListensLeavesOutDeactivatedWebhooks(t *testing.T) {
	for name, want := range map[string]bool{"helm-two-revisions": true, "default-tag": true, "revision-only": false, "deactivated": false} {
		require.Equal(t, want, admission.New(cluster(t, name)).Listens("istio-injection", "enabled"), name)
	}
}

func TestListensAsksWhetherAnyWebhookWantsTheValue(t *testing.T) {
	s := cluster(t, "match-labels")
	d := admission.New(s)
	require.True(t, d.Listens("mesh", "on"))
	require.False(t, d.Listens("mesh", "off"))
	require.False(t, d.Listens("app", "web"), "a label of pods")
	s.MutatingWebhooks[0].Webhooks[0].ObjectSelector.MatchLabels = map[string]string{"istio.io/deactivated": "never-match"}
	require.False(t, admission.New(s).Listens("mesh", "on"), "a webhook that is deactivated")
}

func TestNamespacesCarryTheLabelWithTheirName(t *testing.T) {
	s := cluster(t, "everything")
	s.MutatingWebhooks[0].Webhooks[0].NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "shop"}}
	d := admission.New(s)
	for ns, want := range map[*core.Namespace]bool{
		namespace("shop", nil): true,
		namespace("shop", map[string]string{"kubernetes.io/metadata.name": "other"}): true, // the API server writes over it
		namespace("other", nil): false,
	} {
		require.Equal(t, want, d.Decide(ns, admission.Template{}).Inject, "%s %v", ns.Name, ns.Labels)
	}
}

func TestProblemsNameWhatCannotBePrepared(t *testing.T) {
	type place struct{ object, field string }
	for name, want := range map[string][]place{
		"broken-selectors": {
			{"MutatingWebhookConfiguration bad-namespace", "webhooks[0].namespaceSelector"},
			{"MutatingWebhookConfiguration bad-object", "webhooks[0].objectSelector"},
		},
		"match-conditions":   {{"MutatingWebhookConfiguration condition-does-not-compile", "webhooks[0].matchConditions[0].expression"}},
		"policies":           {{"ConfigMap istio-system/istio-sidecar-injector", "data.config: neverInjectSelector[1]"}},
		"helm-two-revisions": nil,
	} {
		var got []place
		for _, p := range admission.New(cluster(t, name)).Problems() {
			require.NotContains(t, p.Error(), "\n")
			got = append(got, place{p.Object.String(), p.Field})
		}
		require.Equal(t, want, got, name)
	}
}

func TestConfigThatIstiodCannotReadIsAGuess(t *testing.T) {
	for name, data := range map[string]map[string]string{"no key": {"values": "{}"}, "no YAML": {"config": "policy: [enabled"}} {
		s := cluster(t, "everything")
		s.ConfigMaps[0].Data = data
		d := admission.New(s)
		require.Len(t, d.Problems(), 1, name)
		got := d.Decide(namespace("shop", nil), admission.Template{})
		require.True(t, got.Inject, name)
		require.Equal(t, "ConfigMap istio-system/istio-sidecar-injector cannot be read by istiod, which goes on with what it read before, so its policy is taken as enabled, without selectors", got.Unknown, name)
	}
}

func TestMissingConfigMapIsToldApartFromOneNotRead(t *testing.T) {
	s := cluster(t, "config-not-read")
	s.Read = []mesh.Extent{{Kind: mesh.Everything}}
	d := admission.New(s).Decide(namespace("shop", map[string]string{"istio-injection": "enabled"}), admission.Template{})
	require.Equal(t, "ConfigMap istio-system/istio-sidecar-injector does not exist, so its policy is taken as enabled, without selectors", d.Unknown)
}

func TestUnreadWebhooksAreNoAnswer(t *testing.T) {
	s := &mesh.Snapshot{Gaps: []mesh.Gap{{Kind: mesh.MutatingWebhooks, Verb: "list", Reason: "forbidden"}}}
	require.Equal(t, admission.Decision{
		Gate: admission.NoWebhooks, Reason: "no injection webhook is known",
		Unknown: "may not list mutatingwebhookconfigurations.admissionregistration.k8s.io",
	}, admission.New(s).Decide(namespace("shop", nil), admission.Template{}))
}

func deployment(name, revision string, labels map[string]string) *apps.Deployment {
	d := &apps.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "istio-system"}}
	d.Spec.Template.Labels = labels
	d.Spec.Template.Spec.Containers = []core.Container{{Name: "discovery", Env: []core.EnvVar{{Name: "REVISION", Value: revision}}}}
	return d
}

func TestRevisionIsThatOfTheDeploymentBehindTheService(t *testing.T) {
	s := cluster(t, "service-of-another-revision")
	s.Deployments = append(s.Deployments, deployment("istiod-x", "x", map[string]string{"app": "other"}), deployment("istiod-y", "y", s.Services[0].Spec.Selector))
	d := admission.New(s).Decide(namespace("shop", map[string]string{"istio-injection": "enabled"}), admission.Template{})
	require.Equal(t, "y", d.Revision())
	require.Equal(t, "other", d.By.Revision)
}

func TestDecideServesManyGoroutines(t *testing.T) {
	d := admission.New(cluster(t, "match-conditions"))
	ns := namespace("shop", map[string]string{"try": "two"})
	want := d.Decide(ns, admission.Template{Labels: map[string]string{"app": "web"}})
	got := make([]admission.Decision, 8)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() { got[i] = d.Decide(ns, admission.Template{Labels: map[string]string{"app": "web"}}) })
	}
	group.Wait()
	for i := range got {
		require.Equal(t, want, got[i])
	}
}

func TestDecideChangesNothing(t *testing.T) {
	ns, pod := namespace("shop", map[string]string{"try": "by-label"}), &core.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-1", GenerateName: "web-", UID: "u", Labels: map[string]string{"a": "b"}}, Spec: core.PodSpec{NodeName: "n"}}
	nsBefore, podBefore := ns.DeepCopy(), pod.DeepCopy()
	admission.New(cluster(t, "match-conditions")).Decide(ns, admission.ForPod(pod))
	require.Equal(t, nsBefore, ns)
	require.Equal(t, podBefore, pod)
}

func TestConditionsSeeAPodAsItsControllerSendsIt(t *testing.T) {
	pod := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web-0", GenerateName: "web-", UID: "u", ResourceVersion: "7", CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "web", Controller: new(true)}},
		},
		Spec:   core.PodSpec{NodeName: "node-1"},
		Status: core.PodStatus{Phase: core.PodRunning},
	}
	for _, expression := range []string{
		"!has(object.metadata.name)", "!has(request.name)", "!has(object.metadata.uid)", "!has(object.metadata.resourceVersion)",
		"!has(object.metadata.creationTimestamp) || object.metadata.creationTimestamp == null", "!has(object.spec.nodeName)", "!has(object.status.phase)",
		"object.metadata.generateName == 'web-'", "request.userInfo.username == 'system:serviceaccount:kube-system:statefulset-controller'",
		"'system:serviceaccounts' in request.userInfo.groups", "object.kind == 'Pod' && object.apiVersion == 'v1'", "oldObject == null", "namespaceObject == null",
		"request.resource.resource == 'pods' && request.operation == 'CREATE' && request.namespace == 'shop'",
	} {
		s := cluster(t, "everything")
		s.MutatingWebhooks[0].Webhooks[0].MatchConditions = []admissionv1.MatchCondition{{Name: "c", Expression: expression}}
		d := admission.New(s).Decide(namespace("shop", nil), admission.ForPod(pod))
		require.NotNil(t, d.By, "%s: %s", expression, d.Reason)
	}
}
