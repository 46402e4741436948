//go:build sandbox

package differential

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// config is what of an injector ConfigMap decides who is injected.
type config struct {
	policy        string
	never, always []metav1.LabelSelector
}

func labelled(key string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpExists}}}
}

// injects reports whether this config injects a pod that asks for it.
func (c config) injects() bool { return c.policy == "enabled" || c.policy == "disabled" }

// setting is one state of the cluster that all its combinations are tried in.
type setting struct {
	name            string
	prepare         func(context.Context, *testing.T, *cluster) // on top of the setting before
	normal, changed config                                      // of revision default, and of canary
}

func settings() []setting {
	enabled := config{policy: "enabled"}
	return []setting{
		{name: "as installed", normal: enabled, changed: enabled},
		{name: "policy disabled, with selectors",
			normal:  config{policy: "disabled", always: []metav1.LabelSelector{labelled("force")}, never: []metav1.LabelSelector{labelled("batch")}},
			changed: config{policy: "enabled", never: []metav1.LabelSelector{{}, labelled("batch")}}},
		{name: "policy that istiod does not know",
			normal:  config{policy: "Enabled", always: []metav1.LabelSelector{labelled("force")}},
			changed: config{policy: "disabled"}},
		{name: "namespaces by default", prepare: namespacesByDefault, normal: enabled,
			changed: config{policy: "disabled",
				never:  []metav1.LabelSelector{{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Is"}}}},
				always: []metav1.LabelSelector{{MatchLabels: map[string]string{"app": "web"}}, {}}}},
		{name: "default tag moved to canary", prepare: moveDefaultTag, normal: enabled,
			changed: config{policy: "enabled", never: []metav1.LabelSelector{labelled("batch")}}},
		{name: "changed and foreign webhooks", prepare: foreignWebhooks, normal: enabled, changed: enabled},
		{name: "foreign webhooks, and one istiod that declines", normal: config{policy: "disabled"}, changed: enabled},
	}
}

func namespacesByDefault(ctx context.Context, t *testing.T, c *cluster) {
	require.NoError(t, c.InstallRevision(ctx, "default", "values.sidecarInjectorWebhook.enableNamespacesByDefault=true"))
}

func moveDefaultTag(ctx context.Context, t *testing.T, c *cluster) {
	require.NoError(t, c.SetTag(ctx, "default", "canary"))
}

const phaseAnnotation = "differential.test/phase"

// apply brings a setting about, and waits until the API server and both
// istiods have it.
func (c *cluster) apply(ctx context.Context, t *testing.T, s setting, phase int) {
	t.Helper()
	if s.prepare != nil {
		s.prepare(ctx, t, c)
	}
	c.setConfig(ctx, t, "istio-sidecar-injector", s.normal, phase)
	c.setConfig(ctx, t, "istio-sidecar-injector-canary", s.changed, phase)
	c.sentinel(ctx, t, fmt.Sprintf("settings-%d", phase))
	c.waitConfig(ctx, t, "default", s.normal, phase)
	c.waitConfig(ctx, t, "canary", s.changed, phase)
}

// setConfig edits an injector ConfigMap as a person would, keeping the rest.
func (c *cluster) setConfig(ctx context.Context, t *testing.T, name string, want config, phase int) {
	t.Helper()
	configMaps := c.admin.CoreV1().ConfigMaps(sandbox.SystemNamespace)
	cm, err := configMaps.Get(ctx, name, metav1.GetOptions{})
	require.NoError(t, err)
	var all map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(cm.Data["config"]), &all))
	all["policy"], all["neverInjectSelector"], all["alwaysInjectSelector"] = want.policy, want.never, want.always
	all["injectedAnnotations"] = map[string]string{phaseAnnotation: fmt.Sprint(phase)}
	raw, err := yaml.Marshal(all)
	require.NoError(t, err)
	cm.Data["config"] = string(raw)
	_, err = configMaps.Update(ctx, cm, metav1.UpdateOptions{})
	require.NoError(t, err)
}

// waitConfig asks a revision's istiod, through a webhook of its own, until its
// answer shows the phase's config. It injects what asks for it and writes the
// phase on it; with a policy that it does not know it stops injecting.
func (c *cluster) waitConfig(ctx context.Context, t *testing.T, revision string, want config, phase int) {
	t.Helper()
	probe := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: "probe-" + revision, Labels: map[string]string{mesh.InjectLabel: "true"}},
		Spec:       core.PodSpec{Containers: []core.Container{{Name: "app", Image: "registry.example.com/app:1"}}},
	}
	require.NoError(t, eventually(ctx, func(ctx context.Context) (bool, error) {
		r, err := c.create(ctx, probe, c.nextID())
		if err != nil || r.Injected != want.injects() {
			return false, err
		}
		return !r.Injected || r.pod.Annotations[phaseAnnotation] == fmt.Sprint(phase), nil
	}), "istiod of revision %s has not taken the config", revision)
}

// makeProbes gives each revision a namespace whose pods only its own istiod
// gets, by a webhook that is none of Istio's.
func (c *cluster) makeProbes(ctx context.Context, t *testing.T) {
	t.Helper()
	var all []*core.Namespace
	for revision, service := range map[string]string{"default": "istiod", "canary": "istiod-canary"} {
		name := "probe-" + revision
		all = append(all, &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{mesh.InjectionLabel: "disabled", "probe": revision}}})
		c.addWebhooks(ctx, t, foreign(name, "", service, admissionv1.MutatingWebhook{
			Name: "probe.differential.test", NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"probe": revision}},
		}))
	}
	c.makeNamespaces(ctx, t, all)
}

// sentinel adds one more webhook configuration and waits until the API server
// calls it: whatever was written before it is then in force too, since they
// come in one watch.
func (c *cluster) sentinel(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	path := "/" + name
	config := foreign("zzz-"+name, "", "", admissionv1.MutatingWebhook{
		Name: "sentinel.differential.test", NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"probe": "default"}},
	})
	config.Webhooks[0].ClientConfig = c.hooks.at(path)
	webhooks := c.admin.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err := webhooks.Create(ctx, config, metav1.CreateOptions{})
	require.NoError(t, err)
	probe := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "sentinel-" + name + "-", Namespace: "probe-default"},
		Spec:       core.PodSpec{Containers: []core.Container{{Name: "app", Image: "registry.example.com/app:1"}}},
	}
	require.NoError(t, eventually(ctx, func(ctx context.Context) (bool, error) {
		if _, err := c.create(ctx, probe, c.nextID()); err != nil {
			return false, err
		}
		return c.hooks.called(probe.GenerateName, path), nil
	}))
	require.NoError(t, webhooks.Delete(ctx, config.Name, metav1.DeleteOptions{}))
}

func (c *cluster) nextID() string {
	c.asked++
	return fmt.Sprintf("differential-%d", c.asked)
}
