//go:build sandbox

package differential

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// trial is a copy of a webhook in which some expressions are turned into
// their opposite, and whether it should be called for a pod.
type trial struct {
	pod    *core.Pod
	what   string
	hook   admissionv1.MutatingWebhook
	called bool
}

// flip checks reasons: a copy of a webhook is called as the webhook is; with
// the expressions that Deciding names turned into their opposite it is not, or
// the other way round. Where several fail, turning all but one is not enough;
// where it matches, turning any one is.
func (c *cluster) flip(ctx context.Context, t *testing.T, s *mesh.Snapshot, asked []combo, decisions []admission.Decision) {
	hooks := map[string]*admissionv1.MutatingWebhookConfiguration{}
	for _, config := range s.MutatingWebhooks {
		hooks[config.Name] = config
	}
	var trials []trial
	shapes := map[string]int{}
	for i, q := range asked {
		for _, v := range decisions[i].Webhooks {
			if v.Refusal != "" || len(v.Deciding) == 0 {
				continue
			}
			shape := shapeOf(v)
			if shapes[shape]++; shapes[shape] > perShape {
				continue
			}
			trials = append(trials, trialsOf(t, q, v, hooks[v.Config].Webhooks[v.Index])...)
		}
	}
	require.NotEmpty(t, trials)
	c.run(ctx, t, trials)
}

// shapeOf tells apart the verdicts worth trying: of which webhook, and for
// which expressions.
func shapeOf(v admission.Verdict) string {
	fields := []string{v.Config, strconv.FormatBool(v.Matches)}
	for _, e := range v.Deciding {
		fields = append(fields, e.Field)
	}
	return strings.Join(fields, " ")
}

func trialsOf(t *testing.T, q combo, v admission.Verdict, h admissionv1.MutatingWebhook) []trial {
	t.Helper()
	turned := func(what string, called bool, turn ...admission.Expression) trial {
		changed := *h.DeepCopy()
		for _, e := range turn {
			negate(t, &changed, v.Index, e)
		}
		harmless(&changed)
		return trial{pod: q.pod, what: fmt.Sprintf("%s\n%s/%s %s", q, v.Config, v.Webhook, what), hook: changed, called: called}
	}
	out := []trial{turned("as it is", v.Matches)}
	if v.Matches {
		for _, e := range v.Deciding {
			out = append(out, turned("without "+e.Want, false, e))
		}
		return out
	}
	out = append(out, turned(fmt.Sprintf("with %v turned", v.Deciding), true, v.Deciding...))
	for i, e := range v.Deciding {
		if len(v.Deciding) > 1 {
			rest := append(append([]admission.Expression(nil), v.Deciding[:i]...), v.Deciding[i+1:]...)
			out = append(out, turned("with all turned but "+e.Want, false, rest...))
		}
	}
	return out
}

// negate turns the expression of a webhook that Field names into its opposite.
func negate(t *testing.T, h *admissionv1.MutatingWebhook, index int, e admission.Expression) {
	t.Helper()
	field, ok := strings.CutPrefix(e.Field, fmt.Sprintf("webhooks[%d].", index))
	require.True(t, ok, "field %s", e.Field)
	place, at, _ := strings.Cut(field, "[")
	at = strings.TrimSuffix(at, "]")
	switch place {
	case "rules":
		h.Rules = rule([]string{""}, []string{"v1"}, []string{"pods"}, nil)
	case "namespaceSelector.matchLabels":
		negateLabel(h.NamespaceSelector, at)
	case "objectSelector.matchLabels":
		negateLabel(h.ObjectSelector, at)
	case "namespaceSelector.matchExpressions":
		negateExpression(t, h.NamespaceSelector, at)
	case "objectSelector.matchExpressions":
		negateExpression(t, h.ObjectSelector, at)
	case "matchConditions":
		i, err := strconv.Atoi(at)
		require.NoError(t, err)
		c := &h.MatchConditions[i]
		c.Expression = "!(" + c.Expression + ")"
		if strings.Contains(e.Got, "cannot be evaluated") {
			c.Expression = "true"
		}
	default:
		t.Fatalf("no expression at %s", e.Field)
	}
}

func negateLabel(s *metav1.LabelSelector, key string) {
	value := s.MatchLabels[key]
	delete(s.MatchLabels, key)
	s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{value}})
}

func negateExpression(t *testing.T, s *metav1.LabelSelector, at string) {
	t.Helper()
	i, err := strconv.Atoi(at)
	require.NoError(t, err)
	opposite := map[metav1.LabelSelectorOperator]metav1.LabelSelectorOperator{
		metav1.LabelSelectorOpIn: metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpNotIn: metav1.LabelSelectorOpIn,
		metav1.LabelSelectorOpExists: metav1.LabelSelectorOpDoesNotExist, metav1.LabelSelectorOpDoesNotExist: metav1.LabelSelectorOpExists,
	}
	s.MatchExpressions[i].Operator = opposite[s.MatchExpressions[i].Operator]
}

// harmless keeps a copy from hurting other pods: a condition that fails for
// them keeps the copy away and does not refuse them.
func harmless(h *admissionv1.MutatingWebhook) {
	ignore := admissionv1.Ignore
	h.FailurePolicy = &ignore
}

// run puts all trials into one configuration, first in order, whose webhooks
// call this test, and creates each trial's pod.
func (c *cluster) run(ctx context.Context, t *testing.T, trials []trial) {
	t.Helper()
	config := &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "aaa-trials"}}
	c.trials++
	path := func(i int) string { return fmt.Sprintf("/trials-%d/%d", c.trials, i) }
	var pods []*core.Pod
	known := map[string]bool{}
	for i, trial := range trials {
		trial.hook.Name = fmt.Sprintf("trial-%d.differential.test", i)
		trial.hook.ClientConfig = c.hooks.at(path(i))
		config.Webhooks = append(config.Webhooks, trial.hook)
		if !known[trial.pod.GenerateName] {
			known[trial.pod.GenerateName] = true
			pods = append(pods, trial.pod)
		}
	}
	webhooks := c.admin.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err := webhooks.Create(ctx, config, metav1.CreateOptions{})
	require.NoError(t, err)
	c.sentinel(ctx, t, fmt.Sprintf("trials-%d", c.trials))
	c.createAll(ctx, t, pods)
	require.NoError(t, webhooks.Delete(ctx, config.Name, metav1.DeleteOptions{}))
	c.sentinel(ctx, t, fmt.Sprintf("trials-%d-over", c.trials))
	for i, trial := range trials {
		if called := c.hooks.called(trial.pod.GenerateName, path(i)); called != trial.called {
			t.Errorf("%s\ncalled: %v, want %v", trial.what, called, trial.called)
		}
	}
	t.Logf("%d copies of webhooks, %d pods", len(trials), len(pods))
}
