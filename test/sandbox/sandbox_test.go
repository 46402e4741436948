//go:build sandbox

package sandbox

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIstiodLivesAndDiesWithItsPods(t *testing.T) {
	w := startWorld(t, Options{MirrorAPIServer: true})
	w.namespace("shop", "istio-injection=enabled")
	w.kubectl("-n", "shop", "create", "deployment", "web", "--image=nginx")
	web := w.available("shop", "web")
	require.True(t, hasProxy(web))
	require.Contains(t, w.kubectl("-n", "shop", "get", "pods"), "2/2")

	w.timed("scale istiod to 0", func() error {
		w.kubectl("-n", SystemNamespace, "scale", "deployment/istiod", "--replicas=0")
		w.eventually("istiod's process to end", func(ctx context.Context) (bool, error) {
			ended := false
			err := w.kubelet.do(ctx, func() { ended = len(w.kubelet.slots) == 0 })
			return ended, err
		})
		return nil
	})
	w.namespace("late", "istio-injection=enabled")
	w.kubectl("-n", "late", "create", "deployment", "web", "--image=nginx")
	require.Contains(t, w.failedCreate("late"), `no endpoints available for service "istiod"`)

	w.timed("scale istiod to 1", func() error {
		w.kubectl("-n", SystemNamespace, "scale", "deployment/istiod", "--replicas=1")
		w.kubectl("-n", SystemNamespace, "rollout", "status", "deployment/istiod", "--timeout=60s")
		return nil
	})
	require.NoError(t, w.WaitIstiod(t.Context(), ""))
	w.kubectl("-n", "late", "rollout", "restart", "deployment/web")
	require.True(t, hasProxy(w.available("late", "web")))

	w.timed("restart istiod", func() error {
		before := w.istiodPIDs()
		w.kubectl("-n", SystemNamespace, "rollout", "restart", "deployment/istiod")
		w.kubectl("-n", SystemNamespace, "rollout", "status", "deployment/istiod", "--timeout=60s")
		require.NotEqual(t, before, w.istiodPIDs())
		require.NoError(t, w.WaitIstiod(t.Context(), ""))
		return w.dryRun("shop", "x")
	})

	w.kubectl("-n", SystemNamespace, "set", "image", "deployment/istiod", "discovery=docker.io/istio/pilot:does-not-exist")
	w.eventually("the new istiod pod to wait for its image", func(ctx context.Context) (bool, error) {
		out, err := w.Kubectl(ctx, "-n", SystemNamespace, "get", "pods", "-l", "app=istiod")
		return strings.Contains(out, "ImagePullBackOff"), err
	})
	require.NoError(t, w.dryRun("shop", "x"), "the old istiod goes on")
	w.kubectl("-n", SystemNamespace, "rollout", "undo", "deployment/istiod")
	w.kubectl("-n", SystemNamespace, "rollout", "status", "deployment/istiod", "--timeout=60s")

	w.timed("kill istiod's process", func() error {
		require.NoError(t, syscall.Kill(w.istiodPIDs()[0], syscall.SIGKILL))
		w.eventually("kubelet to restart it", func(ctx context.Context) (bool, error) {
			out, err := w.Kubectl(ctx, "-n", SystemNamespace, "get", "pods", "-l", "app=istiod", "-o", "jsonpath={.items[0].status.containerStatuses[0].restartCount} {.items[0].status.containerStatuses[0].ready}")
			return out == "1 true", err
		})
		return w.dryRun("shop", "x")
	})
}

func TestIstiodCanBeBroken(t *testing.T) {
	w := startWorld(t, Options{})
	ctx := t.Context()
	w.namespace("shop", "istio-injection=enabled")
	require.NoError(t, w.dryRun("shop", "x"))

	w.timed("stop", func() error { return w.StopIstiod(ctx, "default") })
	require.ErrorContains(t, w.dryRun("shop", "x"), "connection refused")
	require.Contains(t, w.kubectl("-n", SystemNamespace, "get", "pods", "-l", "app=istiod"), "1/1")
	w.timed("start", func() error { return w.StartIstiod(ctx, "default") })
	require.NoError(t, w.dryRun("shop", "x"))

	w.timed("pause", func() error { return w.PauseIstiod(ctx, "") })
	require.ErrorContains(t, w.dryRun("shop", "x"), "context deadline exceeded")
	w.timed("resume", func() error { return w.ResumeIstiod(ctx, "") })
	require.NoError(t, w.dryRun("shop", "x"))

	w.timed("fail readiness", func() error { return w.FailReadiness(ctx, "", true) })
	w.eventually("kube-apiserver to see no endpoint", func(context.Context) (bool, error) {
		err := w.dryRun("shop", "x")
		return err != nil && strings.Contains(err.Error(), "no endpoints available"), err
	})
	w.timed("pass readiness", func() error { return w.FailReadiness(ctx, "", false) })
	w.eventually("kube-apiserver to see the endpoint", func(context.Context) (bool, error) {
		err := w.dryRun("shop", "x")
		return err == nil, err
	})

	require.ErrorContains(t, w.StopIstiod(ctx, "nobody"), `no istiod pod of revision "nobody" runs`)
}

func TestRevisionsTagsAndReset(t *testing.T) {
	w := startWorld(t, Options{})
	ctx := t.Context()
	pods := "get pods -A -o name"
	before := w.kubectl(strings.Fields(pods)...)

	w.timed("second revision", func() error { return w.InstallRevision(ctx, "canary") })
	w.timed("revision in another namespace", func() error {
		return w.InstallRevision(ctx, "beta", "values.global.istioNamespace=mesh-two")
	})
	w.timed("tag", func() error { return w.SetTag(ctx, "prod", "canary") })
	for namespace, label := range map[string]string{"a": "istio-injection=enabled", "b": "istio.io/rev=canary", "c": "istio.io/rev=prod", "d": "istio.io/rev=beta"} {
		w.namespace(namespace, label)
		w.kubectl("-n", namespace, "create", "deployment", "web", "--image=nginx")
	}
	for namespace, want := range map[string]string{"a": "default", "b": "canary", "c": "canary", "d": "beta"} {
		pod := w.available(namespace, "web")
		require.True(t, hasProxy(pod))
		require.Equal(t, want, pod.Annotations["istio.io/rev"], "namespace %s", namespace)
	}

	require.NoError(t, w.StopIstiod(ctx, "canary"))
	require.ErrorContains(t, w.dryRun("c", "x"), "connection refused")
	require.NoError(t, w.dryRun("a", "x"))
	require.NoError(t, w.dryRun("d", "x"))
	require.NoError(t, w.StartIstiod(ctx, "canary"))

	for _, revision := range []string{"default", "canary"} {
		version, err := w.Istioctl(ctx, "version", "--revision", revision, "-o", "json")
		require.NoError(t, err)
		require.Contains(t, version, `"Revision": "`+revision+`"`)
		_, err = w.Istioctl(ctx, "proxy-status", "--revision", revision)
		require.NoError(t, err)
	}
	require.Contains(t, w.kubectl("-n", SystemNamespace, "logs", "deployment/istiod-canary", "--tail=5"), "\n")

	w.timed("reset", func() error { return w.Reset(ctx) })
	require.Equal(t, before, w.kubectl(strings.Fields(pods)...))
	w.namespace("a", "istio-injection=enabled")
	require.NoError(t, w.dryRun("a", "x"))
	require.Len(t, w.istiodPIDs(), 1)
}

func TestAPIServerFlagsAndUsers(t *testing.T) {
	w := startWorld(t, Options{MirrorAPIServer: true})
	ctx := t.Context()
	mirror := []string{"-n", "kube-system", "get", "pod", mirrorPod, "-o", "jsonpath={.spec.containers[0].command}"}
	w.namespace("shop", "istio-injection=enabled")
	off := "--disable-admission-plugins=MutatingAdmissionWebhook"

	w.timed("restart kube-apiserver", func() error { return w.RestartAPIServer(ctx, off) })
	require.Contains(t, w.kubectl(mirror...), off)
	require.NotContains(t, w.kubectl("-n", "shop", "run", "x", "--image=nginx", "--dry-run=server", "-o", "yaml"), "istio-proxy")
	w.timed("restart kube-apiserver", func() error { return w.RestartAPIServer(ctx) })
	require.NotContains(t, w.kubectl(mirror...), off)
	require.Contains(t, w.kubectl("-n", "shop", "run", "x", "--image=nginx", "--dry-run=server", "-o", "yaml"), "istio-proxy")

	bob, err := w.User(ctx, "bob", Access{Namespace: "shop", ClusterRole: "view"})
	require.NoError(t, err)
	w.kubectl("--kubeconfig", bob, "get", "pods")
	_, err = w.Kubectl(ctx, "--kubeconfig", bob, "-n", "default", "get", "pods")
	require.ErrorContains(t, err, `User "bob" cannot list resource "pods"`)
	eve, err := w.UserInGroup(ctx, "eve", "viewers", Access{ClusterRole: "view"})
	require.NoError(t, err)
	w.kubectl("--kubeconfig", eve, "get", "pods", "-A")
	_, err = w.Kubectl(ctx, "--kubeconfig", eve, "get", "nodes")
	require.ErrorContains(t, err, `User "eve" cannot list resource "nodes"`)
}
