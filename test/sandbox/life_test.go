//go:build sandbox

package sandbox

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestCloseLeavesNothing(t *testing.T) {
	s, err := Start(t.Context(), Options{Progress: progress{t}})
	require.NoError(t, err)
	dir := s.Dir()
	require.NotEmpty(t, running(t, dir))
	began := time.Now()
	require.NoError(t, s.Close())
	t.Logf("close: %s", since(began))
	require.Empty(t, running(t, dir))
	require.NoDirExists(t, dir)
	require.NoError(t, s.Close())
}

func TestACrashedPartEndsStart(t *testing.T) {
	dir := t.TempDir()
	_, err := Start(t.Context(), Options{Dir: dir, NoIstio: true, APIServerFlags: []string{"--no-such-flag"}})
	require.ErrorContains(t, err, "kube-apiserver ended by itself (exit status 1), last line")
	require.ErrorContains(t, err, dir+"/log/kube-apiserver.log")
	require.NotContains(t, err.Error(), "\n")
	require.Empty(t, running(t, dir))
}

func TestASecondSandboxThatIsInterruptedLeavesNothing(t *testing.T) {
	a := startWorld(t, Options{NoIstio: true})
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Start(ctx, Options{Progress: writerFunc(func(b []byte) (int, error) {
		cancel()
		return len(b), nil
	})})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, running(t, tmp))
	left, err := filepath.Glob(filepath.Join(tmp, "kubectl-mesh-sandbox-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Contains(t, a.kubectl("get", "nodes"), "node-1")
}

func TestASavedClusterStartsAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "saved")
	first, err := Start(t.Context(), Options{Progress: progress{t}})
	require.NoError(t, err)
	w := world{first, t}
	require.NoError(t, w.InstallRevision(t.Context(), "canary"))
	w.namespace("shop", "istio.io/rev=canary")
	w.timed("save", func() error { return w.Save(dir) })
	_, err = Start(t.Context(), Options{From: dir})
	require.ErrorContains(t, err, "locked by another process", "the first still holds the ports")
	require.NoError(t, first.Close())

	w = startWorld(t, Options{From: dir})
	require.NoError(t, w.dryRun("shop", "x"))
	w.namespace("late", "istio-injection=enabled")
	require.NoError(t, w.dryRun("late", "x"))
	require.Len(t, w.istiodPIDs(), 2)
	require.NoError(t, w.InstallRevision(t.Context(), "third"))
	require.Len(t, w.istiodPIDs(), 3)
}

func TestIstioctlInstallMakesTheDefaultTag(t *testing.T) {
	w := startWorld(t, Options{NoIstio: true})
	w.timed("istioctl install", func() error { return w.IstioctlInstall(t.Context()) })
	require.Contains(t, w.kubectl("get", "mutatingwebhookconfigurations"), "istio-revision-tag-default")
	w.namespace("shop", "istio-injection=enabled")
	w.kubectl("-n", "shop", "create", "deployment", "web", "--image=nginx")
	require.True(t, hasProxy(w.available("shop", "web")))
	require.NotEqual(t, defaultIstiodPorts(), w.istiodPorts())
}

// istiodPorts are the ports of the only istiod.
func (w world) istiodPorts() istiodPorts {
	w.t.Helper()
	pods := w.kubelet.pods.GetStore().List()
	require.Len(w.t, pods, 1)
	return portsOf(discoveryContainer(pods[0].(*corev1.Pod)))
}
