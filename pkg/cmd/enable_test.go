package cmd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestWithoutATerminalNothingIsAsked(t *testing.T) {
	var errOut bytes.Buffer
	err := confirm(t.Context(), genericiooptions.IOStreams{In: strings.NewReader("y\n"), ErrOut: &errOut}, "Label namespace shop?")
	assert.EqualError(t, err, "nothing was written: there is no terminal to ask on; say -y to go ahead without asking")
	assert.Empty(t, errOut.String())
}

func TestWhatIsAsked(t *testing.T) {
	set, off := []membership.Label{{Key: "istio-injection", New: "enabled"}, {Key: "istio.io/rev", Remove: true}}, []membership.Label{{Key: "istio.io/rev", Remove: true}}
	for want, c := range map[string]struct {
		labels  []membership.Label
		changes int
	}{
		"Label namespace shop?":                           {set, 1},
		"Label namespace shop and restart 1 workload?":    {set, 2},
		"Unlabel namespace shop and restart 3 workloads?": {off, 4},
		"Restart 2 workloads of namespace shop?":          {nil, 2},
	} {
		p := &membership.Plan{Namespace: &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, Labels: c.labels}
		assert.Equal(t, want, relabelQuestion(p, c.changes))
	}
}

func TestExitCodesOfWrites(t *testing.T) {
	boom := errors.New("cannot patch Deployment shop/web: boom")
	undone := []mesh.Ref{mesh.RefTo(mesh.Namespaces, "", "shop")}
	for name, c := range map[string]struct {
		err  error
		code int
		text string
	}{
		"nothing went wrong": {nil, 0, ""},
		"before anything was written": {&cluster.ApplyError{Err: boom}, 2,
			"error: cannot patch Deployment shop/web: boom; nothing was written\n"},
		"in the middle": {&cluster.ApplyError{Err: boom, Written: 1, Undone: undone}, 4,
			"error: cannot patch Deployment shop/web: boom; what had been written (1 change) was undone\n"},
		"interrupted in the middle": {&cluster.ApplyError{Err: context.Canceled, Written: 1, Undone: undone}, 4,
			"error: interrupted; what had been written (1 change) was undone\n"},
		"interrupted before": {&cluster.ApplyError{Err: context.Canceled}, 2, "error: interrupted\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.code, exitCode(writeFailed(c.err), "kubectl mesh", &out))
			assert.Equal(t, c.text, out.String())
		})
	}
}

func TestWaitingEndsWhenNothingWillChangeByItself(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	var errOut bytes.Buffer
	web, cart := mesh.RefTo(mesh.Deployments, "shop", "web"), mesh.RefTo(mesh.Deployments, "shop", "cart")
	w := &waiting{
		relabel: &relabel{now: func() time.Time { return now }, patience: 20 * time.Second, IOStreams: genericiooptions.IOStreams{ErrOut: &errOut}},
		goals:   []membership.Goal{{Ref: web, In: true}, {Ref: cart, In: true}}, said: map[mesh.Ref]string{}, refused: map[mesh.Ref]refusedSince{},
	}
	look := func(after time.Duration, failures ...string) bool {
		now = now.Add(after)
		s := &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Everything, Namespace: "shop"}}}
		for i, name := range []string{"web", "cart"} {
			d := &apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
			if failures[i] != "" {
				d.Status.Conditions = []apps.DeploymentCondition{{Type: apps.DeploymentReplicaFailure, Status: core.ConditionTrue, Message: failures[i]}}
			}
			s.Deployments = append(s.Deployments, d)
		}
		return w.see(s)
	}
	assert.False(t, look(0, `pod "web-1" is forbidden`, ""))
	assert.False(t, look(30*time.Second, `pod "web-2" is forbidden`, ""), "cart may still come")
	assert.False(t, look(0, `pod "web-3" is forbidden`, "no endpoints"))
	assert.False(t, look(19*time.Second, `pod "web-3" is forbidden`, "no endpoints"))
	assert.False(t, look(time.Second, `pod "web-3" is forbidden`, "timed out"), "another refusal")
	assert.False(t, look(30*time.Second, "", "timed out"), "web may still come")
	assert.False(t, look(0, `pod "web-3" is forbidden`, "timed out"))
	assert.True(t, look(20*time.Second, `pod "web-4" is forbidden`, "timed out"), "the names of pods differ from try to try")
	assert.Equal(t, 2, w.open())
	assert.Equal(t, 1, strings.Count(errOut.String(), "deployment/cart: 0 of 1 pod: timed out\n"), "what is the same is told once:\n%s", errOut.String())
}

func TestObjectsAreNamedAsKubectlDoes(t *testing.T) {
	assert.Equal(t, "namespace/shop", kubectlName(mesh.RefTo(mesh.Namespaces, "", "shop")))
	assert.Equal(t, "deployment.apps/web", kubectlName(mesh.RefTo(mesh.Deployments, "shop", "web")))
}

func TestThePatchForGitIsADocumentForEachObject(t *testing.T) {
	var out bytes.Buffer
	owner := mesh.Owner{Tool: "Argo CD", Name: "application shop"}
	require.NoError(t, printForGit(&out, []cluster.Owned{
		{Owner: owner, Change: mesh.Change{Ref: mesh.RefTo(mesh.Namespaces, "", "shop"), Write: mesh.Patch, Fields: map[string]any{"metadata": map[string]any{"labels": map[string]any{"istio-injection": "enabled", "istio.io/rev": nil}}}}},
		{Owner: owner, Change: mesh.Change{Ref: mesh.RefTo(mesh.Deployments, "shop", "web"), Write: mesh.Patch, Fields: map[string]any{"spec": map[string]any{"paused": false}}}},
	}))
	assert.Equal(t, `# Namespace shop, kept by Argo CD (application shop)
apiVersion: v1
kind: Namespace
metadata:
  labels:
    istio-injection: enabled
    istio.io/rev: null
  name: shop
---
# Deployment shop/web, kept by Argo CD (application shop)
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  paused: false
`, out.String())
}
