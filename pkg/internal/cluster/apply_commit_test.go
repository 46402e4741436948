package cluster

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestWhatWasWrittenIsUndoneWhenAWriteFails(t *testing.T) {
	s := shop()
	was := s.state()
	s.before = refuseNth(3, http.StatusForbidden, metav1.StatusReasonForbidden)
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	assert.EqualError(t, err, "cannot patch Deployment shop/cart: refused by the test; what had been written (2 changes) was undone")
	assert.Equal(t, was, s.state())
	assert.Equal(t, []string{"PATCH " + webPath, "PATCH " + shopPath}, s.writes[3:], "the last first")
}

func TestWhatSomebodyChangedSinceIsNotUndone(t *testing.T) {
	s := shop()
	s.before = func(s *store, w http.ResponseWriter, _ *http.Request, dry bool) bool {
		if dry || len(s.writes) != 3 {
			return false
		}
		s.touch(shopPath, func(o map[string]any) { mesh.ApplyMergePatch(o, labelled("istio-injection", "disabled")) })
		// What a controller writes elsewhere in the object does not matter.
		s.touch(webPath, func(o map[string]any) {
			mesh.ApplyMergePatch(o, map[string]any{"status": map[string]any{"replicas": int64(1)}, "metadata": map[string]any{"annotations": map[string]any{"revision": "2"}}})
		})
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError)
		return true
	}
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	var failed *ApplyError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "of 2 changes that had been written 1 could be undone, and these stay: Namespace shop (somebody changed it since)", failed.Outcome())
	assert.Equal(t, "disabled", s.objects[shopPath].GetLabels()["istio-injection"])
	assert.Equal(t, "2", s.objects[webPath].GetAnnotations()["revision"])
	_, restarts, _ := unstructured.NestedMap(s.objects[webPath].Object, "spec", "template", "metadata", "annotations")
	assert.False(t, restarts)
}

func TestCtrlCBetweenWritesUndoesThem(t *testing.T) {
	s := shop()
	was := s.state()
	ctx, cancel := context.WithCancel(t.Context())
	s.before = func(s *store, _ http.ResponseWriter, _ *http.Request, dry bool) bool {
		if !dry && len(s.writes) == 2 {
			cancel()
		}
		return false
	}
	_, err := Apply(ctx, s.start(t), three(), ApplyOptions{})
	require.ErrorIs(t, err, context.Canceled)
	var failed *ApplyError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 2, failed.Written)
	assert.Equal(t, was, s.state())
}

func TestWhatSomebodyChangedSinceIsNotDeleted(t *testing.T) {
	change := func(s *store) {
		s.touch(webPath, func(o map[string]any) { mesh.ApplyMergePatch(o, restarted("theirs")) })
	}
	deletion := func(planned *unstructured.Unstructured) []mesh.Change {
		c := objectOf(mesh.Delete, mesh.Deployments, "shop", "web", nil)
		c.Before = planned
		return []mesh.Change{c}
	}
	t.Run("since it was planned", func(t *testing.T) {
		s := shop()
		planned := s.objects[webPath].DeepCopy()
		change(s)
		_, err := Apply(t.Context(), s.start(t), deletion(planned), ApplyOptions{})
		assert.True(t, Outdated(err), "%v", err)
		assert.Empty(t, s.writes)
	})
	t.Run("since it was checked", func(t *testing.T) {
		s := shop()
		s.before = func(s *store, _ http.ResponseWriter, _ *http.Request, dry bool) bool {
			if !dry && len(s.writes) == 1 {
				change(s)
			}
			return false
		}
		_, err := Apply(t.Context(), s.start(t), deletion(s.objects[webPath].DeepCopy()), ApplyOptions{})
		assert.True(t, Outdated(err), "%v", err)
		assert.Contains(t, s.objects, webPath)
	})
	t.Run("not at all", func(t *testing.T) {
		s := shop()
		_, err := Apply(t.Context(), s.start(t), deletion(s.objects[webPath].DeepCopy()), ApplyOptions{})
		require.NoError(t, err)
		assert.NotContains(t, s.objects, webPath)
	})
}

func TestAWriteWithoutAnAnswerIsLookedAt(t *testing.T) {
	for name, done := range map[string]bool{"that was done": true, "that was not": false} {
		t.Run(name, func(t *testing.T) {
			s := shop()
			was := s.state()
			s.before = func(s *store, _ http.ResponseWriter, r *http.Request, dry bool) bool {
				if dry || len(s.writes) != 2 {
					return false
				}
				if done {
					s.touch(webPath, func(o map[string]any) { mesh.ApplyMergePatch(o, restarted("now")) })
				}
				panic(http.ErrAbortHandler)
			}
			_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
			var failed *ApplyError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, map[bool]int{true: 2, false: 1}[done], failed.Written)
			assert.Empty(t, failed.Left)
			assert.Equal(t, was, s.state())
		})
	}
}
