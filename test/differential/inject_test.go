//go:build sandbox

package differential

import (
	stdcmp "cmp"
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

const diffNamespace = "inject-differential"

// TestEngineMakesWhatTheWebhookMakes compares, field for field, what the
// engine and what the real API server with a real istiod make of every
// template of Istio's samples and injection inputs. Refusals are compared by
// their words.
//
// The engine is given the pod as a webhook gets it (created, dry, where no
// webhook is called), and what it makes of it goes through the API server once
// more for the same defaults.
func TestEngineMakesWhatTheWebhookMakes(t *testing.T) {
	require.NoError(t, inject.Logs(false))
	for _, native := range []string{"false", "true"} {
		t.Run("native sidecars "+native, func(t *testing.T) {
			s, err := sandbox.Start(t.Context(), sandbox.Options{
				Progress: os.Stderr,
				Istio:    []string{"profile=minimal", "values.pilot.env.ENABLE_NATIVE_SIDECARS=" + native},
			})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			config := s.REST()
			config.QPS, config.Burst = 200, 400
			c, err := kubernetes.NewForConfig(config)
			require.NoError(t, err)
			compare(t, c, native == "true")
			compareObjects(t, c)
		})
	}
}

func compare(t *testing.T, c kubernetes.Interface, native bool) {
	ctx := t.Context()
	_, err := c.CoreV1().Namespaces().Create(ctx, &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: diffNamespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = c.CoreV1().Namespaces().Delete(context.Background(), diffNamespace, metav1.DeleteOptions{})
	})
	engine := liveEngine(t, c)

	setInjection(t, c, nil)
	pods := templatePods(t, diffNamespace)
	require.Greater(t, len(pods), 100)
	names := slices.Sorted(maps.Keys(pods))
	simple, err := engine.Inject(&core.Pod{Spec: core.PodSpec{Containers: []core.Container{{Name: "app", Image: "app"}}}}, diffNamespace)
	require.NoError(t, err)
	require.Equal(t, native, len(simple.Pod.Spec.InitContainers) == 2, "the sidecar is an init container")
	asSeen, ours, refusals := map[string]*core.Pod{}, map[string]injectOutcome{}, map[string]string{}
	for _, name := range names {
		seen, err := dryRun(t, c, pods[name])
		if err != nil {
			t.Logf("%s: left out, the API server refuses it without the sidecar too: %v", name, err)
			continue
		}
		r, err := engine.Inject(seen, diffNamespace)
		require.NoError(t, err, name)
		asSeen[name], refusals[name] = seen, r.Refusal
		if r.Pod != nil {
			r.Pod.UID, r.Pod.Status = "", core.PodStatus{}
			ours[name] = injectCreated(dryRun(t, c, r.Pod))
		}
	}
	require.Greater(t, len(asSeen), 100)

	setInjection(t, c, enabled())
	for _, name := range slices.Sorted(maps.Keys(asSeen)) {
		t.Run(name, func(t *testing.T) {
			theirs := injectCreated(dryRun(t, c, pods[name]))
			if refusals[name] != "" {
				_, words, _ := strings.Cut(theirs.Err, "denied the request: ")
				require.Equal(t, inOrder(words), inOrder(refusals[name]))
				return
			}
			if diff := cmp.Diff(theirs, ours[name]); diff != "" {
				t.Errorf("the webhook's pod (-) and the engine's (+):\n%s", diff)
			}
		})
	}
}

func dryRun(t *testing.T, c kubernetes.Interface, pod *core.Pod) (*core.Pod, error) {
	t.Helper()
	return c.CoreV1().Pods(diffNamespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// injectOutcome is what the API server said of a pod.
type injectOutcome struct {
	Pod *core.Pod
	Err string
}

func injectCreated(pod *core.Pod, err error) injectOutcome {
	if err != nil {
		_, words, _ := strings.Cut(err.Error(), `" is invalid: `) // before it stands a name drawn by lot
		return injectOutcome{Err: stdcmp.Or(words, err.Error())}
	}
	return injectOutcome{Pod: plain(pod)}
}

// plain takes out what is drawn by lot for each request.
func plain(pod *core.Pod) *core.Pod {
	p := pod.DeepCopy()
	p.UID, p.CreationTimestamp, p.ManagedFields, p.Status = "", metav1.Time{}, nil, core.PodStatus{}
	if p.GenerateName != "" {
		p.Name = ""
	}
	for key, value := range p.Annotations {
		p.Annotations[key] = tokenVolume(value) // overrides quote the user's container
	}
	p.Spec.Volumes = slices.Clone(p.Spec.Volumes)
	for i := range p.Spec.Volumes {
		p.Spec.Volumes[i].Name = tokenVolume(p.Spec.Volumes[i].Name)
	}
	for _, list := range [][]core.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range list {
			for j := range list[i].VolumeMounts {
				list[i].VolumeMounts[j].Name = tokenVolume(list[i].VolumeMounts[j].Name)
			}
		}
	}
	return p
}

func tokenVolume(text string) string {
	return regexp.MustCompile(`kube-api-access-[a-z0-9]{5}`).ReplaceAllString(text, "kube-api-access")
}

// inOrder sorts the words of a refusal, since istiod lists templates and
// annotations in an order of chance.
func inOrder(refusal string) []string {
	return slices.Sorted(strings.FieldsFuncSeq(refusal, func(r rune) bool { return strings.ContainsRune(", \t\n", r) }))
}

// setInjection turns injection of the namespace on or off, and waits until the API
// server goes by it.
func setInjection(t *testing.T, c kubernetes.Interface, value *string) {
	t.Helper()
	patch := `{"metadata":{"labels":{"istio-injection":null}}}`
	if value != nil {
		patch = `{"metadata":{"labels":{"istio-injection":"` + *value + `"}}}`
	}
	_, err := c.CoreV1().Namespaces().Patch(t.Context(), diffNamespace, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
	probe := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: diffNamespace},
		Spec:       core.PodSpec{Containers: []core.Container{{Name: "app", Image: "app"}}},
	}
	var last error
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		var got *core.Pod
		got, last = dryRun(t, c, probe)
		return last == nil && (got.Annotations["sidecar.istio.io/status"] != "") == (value != nil), nil
	})
	require.NoError(t, err, "%v", last)
}

// liveEngine is an engine with what the cluster's istiod has.
func liveEngine(t *testing.T, c kubernetes.Interface) *inject.Engine {
	t.Helper()
	ctx, s := t.Context(), &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Everything}}}
	deployments, err := c.AppsV1().Deployments("istio-system").List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	webhooks, err := c.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	configs, err := c.CoreV1().ConfigMaps("istio-system").List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	nodes, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	for i := range deployments.Items {
		s.Deployments = append(s.Deployments, &deployments.Items[i])
	}
	for i := range webhooks.Items {
		s.MutatingWebhooks = append(s.MutatingWebhooks, &webhooks.Items[i])
	}
	for i := range configs.Items {
		s.ConfigMaps = append(s.ConfigMaps, &configs.Items[i])
	}
	for i := range nodes.Items {
		s.Nodes = append(s.Nodes, &nodes.Items[i])
	}
	for _, cp := range mesh.ControlPlanes(s) {
		if cp.Revision != "default" {
			continue
		}
		settings, err := inject.For(s, cp)
		require.NoError(t, err)
		e, err := inject.New(settings)
		require.NoError(t, err)
		return e
	}
	t.Fatal("there is no control plane of the default revision")
	return nil
}

func enabled() *string { v := "enabled"; return &v }
