//go:build sandbox

package sandbox

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// progress passes lines on to the test's log.
type progress struct{ t *testing.T }

func (p progress) Write(b []byte) (int, error) {
	p.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// world is a sandbox in a test, with short forms that fail the test.
type world struct {
	*Sandbox
	t *testing.T
}

func startWorld(t *testing.T, o Options) world {
	t.Helper()
	o.Progress = progress{t}
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return world{s, t}
}

func (w world) kubectl(args ...string) string {
	w.t.Helper()
	out, err := w.Kubectl(w.t.Context(), args...)
	require.NoError(w.t, err)
	return out
}

// timed runs one step and says how long it took.
func (w world) timed(step string, f func() error) {
	w.t.Helper()
	began := time.Now()
	require.NoError(w.t, f(), step)
	w.t.Logf("%s: %s", step, since(began))
}

// namespace makes a namespace with a label.
func (w world) namespace(name, label string) {
	w.t.Helper()
	w.kubectl("create", "namespace", name)
	w.kubectl("label", "namespace", name, label)
}

// failedCreate waits for a FailedCreate event in the namespace and returns its message.
func (w world) failedCreate(namespace string) string {
	w.t.Helper()
	message := ""
	w.eventually("a FailedCreate event in "+namespace, func(ctx context.Context) (bool, error) {
		events, err := w.Client().CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, e := range events.Items {
			if e.Reason == "FailedCreate" {
				message = e.Message
				return true, nil
			}
		}
		return false, nil
	})
	return message
}

func (w world) eventually(what string, done func(context.Context) (bool, error)) {
	w.t.Helper()
	require.NoError(w.t, w.wait(w.t.Context(), what, 30*time.Second, done))
}

// available waits until a Deployment has its pods and returns one of them.
func (w world) available(namespace, app string) corev1.Pod {
	w.t.Helper()
	w.kubectl("-n", namespace, "rollout", "status", "deployment/"+app, "--timeout=60s")
	pods, err := w.Client().CoreV1().Pods(namespace).List(w.t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	require.NoError(w.t, err)
	require.NotEmpty(w.t, pods.Items)
	return pods.Items[0]
}

func hasProxy(pod corev1.Pod) bool {
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		if c.Name == "istio-proxy" {
			return true
		}
	}
	return false
}

func (w world) dryRun(namespace, name string) error {
	_, err := w.Kubectl(w.t.Context(), "-n", namespace, "run", name, "--image=nginx", "--dry-run=server")
	return err
}

func (w world) istiodPIDs() []int {
	w.t.Helper()
	var pids []int
	require.NoError(w.t, w.kubelet.do(w.t.Context(), func() {
		for _, s := range w.kubelet.slots {
			if s.proc != nil {
				pids = append(pids, s.proc.cmd.Process.Pid)
			}
		}
	}))
	return pids
}

// running lists the processes whose command line names dir.
func running(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pid,args").Output()
	require.NoError(t, err)
	var found []string
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, dir) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
