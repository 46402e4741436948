package cluster

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func rollout() *fakeAPI {
	return &fakeAPI{objects: []runtime.Object{
		&apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}},
		&core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1"}},
		&core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "pay", Name: "other"}},
	}}
}

func TestFollowLooksAtOneNamespaceUntilItIsEnough(t *testing.T) {
	f := rollout()
	looks := 0
	err := Follow(t.Context(), Query{Config: f.start(t)}, "shop", time.Millisecond, func(s *mesh.Snapshot) bool {
		looks++
		assert.Equal(t, []string{"shop/web"}, names(s, mesh.Deployments))
		assert.Equal(t, []string{"shop/web-1"}, names(s, mesh.Pods))
		assert.True(t, s.Complete(mesh.Pods, "shop"))
		return looks == 3
	})
	require.NoError(t, err)
	assert.Equal(t, 3, looks)
	assert.False(t, f.asked("pods istio-system"), "nothing else is read")
}

func TestFollowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Follow(ctx, Query{Config: rollout().start(t)}, "shop", time.Hour, func(*mesh.Snapshot) bool {
		cancel()
		return false
	})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestFollowGoesOnAfterALookThatFailed(t *testing.T) {
	f := rollout()
	failures := 2
	f.answer = func(w http.ResponseWriter, _ *http.Request, k mesh.Kind, _ string) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if k != mesh.Pods || failures == 0 {
			return false
		}
		failures--
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError)
		return true
	}
	var seen []bool
	err := Follow(t.Context(), Query{Config: f.start(t)}, "shop", time.Millisecond, func(s *mesh.Snapshot) bool {
		seen = append(seen, s.Complete(mesh.Pods, "shop"))
		return s.Complete(mesh.Pods, "shop")
	})
	require.NoError(t, err)
	assert.Contains(t, seen, false)
}

func TestFollowWithoutTheRightToLookEnds(t *testing.T) {
	f := rollout()
	f.answer = forbid(func(k mesh.Kind, _ string) bool { return k != mesh.Pods })
	err := Follow(t.Context(), Query{Config: f.start(t)}, "shop", time.Hour, func(*mesh.Snapshot) bool {
		t.Error("there is nothing to see")
		return false
	})
	assert.EqualError(t, err, "cannot follow what happens in namespace shop: may not list pods in namespace shop")

	f.answer = forbid(func(k mesh.Kind, _ string) bool { return k != mesh.Events })
	assert.NoError(t, Follow(t.Context(), Query{Config: f.start(t)}, "shop", time.Hour, func(*mesh.Snapshot) bool { return true }), "events are words alone")
}
