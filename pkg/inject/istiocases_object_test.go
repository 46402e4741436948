package inject

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	istio "istio.io/istio/pkg/kube/inject"
	core "k8s.io/api/core/v1"
)

// requireObject checks what Object makes of an object. In Istio's results
// istiod has seen pods as they stand in files; here it sees them with the API
// server's defaults, so that both are compared with these.
func requireObject(t *testing.T, want map[string]any, e *Engine, given map[string]any) {
	t.Helper()
	got, _, err := e.Object(given, "")
	require.NoError(t, err)
	for _, p := range places(given) {
		wanted := templateAt(t, want, p)
		seeDefaults(t, wanted, templateAt(t, given, p))
		require.Empty(t, cmp.Diff(fields(t, withDefaults(wanted)), fields(t, withDefaults(templateAt(t, got, p)))), "%s of the object", p)
		got = p.with(got, p.get(given).(map[string]any))
	}
	require.Equal(t, given, got, "what is no pod template stays as it is")
}

// templateAt is a pod template of an object, as a pod. Istioctl leaves the
// labels and annotations of a CronJob's pods at the Job.
func templateAt(t *testing.T, object map[string]any, p place) *core.Pod {
	t.Helper()
	pod := &core.Pod{}
	into(t, p.get(object), pod)
	if job, ok := (place{"spec", "jobTemplate"}).get(object).(map[string]any); ok && pod.Annotations == nil {
		into(t, map[string]any{"metadata": job["metadata"]}, pod)
	}
	return pod
}

// seeDefaults puts into what istiod wrote about a pod what it would have
// written had it seen the pod with defaults.
func seeDefaults(t *testing.T, p, given *core.Pod) {
	t.Helper()
	if raw, ok := p.Annotations[overridesAnnotation]; ok {
		p.Annotations[overridesAnnotation] = rewritten(t, raw, func(o *istio.ParsedContainers) {
			for _, containers := range [][]core.Container{o.Containers, o.InitContainers} {
				for i := range containers {
					c := &containers[i]
					// Istiod leaves out an image "auto", and keeps the policy that goes with it.
					setDefault(&c.ImagePullPolicy, pullPolicy(istio.FindContainerFromPod(c.Name, given).Image))
					containerDefaults(c)
				}
			}
		})
	}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for i := range c.Env {
			v := &c.Env[i].Value
			switch c.Env[i].Name {
			case "ISTIO_META_POD_PORTS":
				*v = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(*v, func(port string) string {
					return rewritten(t, port, func(port *core.ContainerPort) { setDefault(&port.Protocol, core.ProtocolTCP) })
				})
			case probersVariable:
				*v = rewritten(t, *v, proberDefaults)
			case "ISTIO_META_OWNER":
				// The pods of a DeploymentConfig belong to a ReplicationController, of which istiod takes the version.
				*v = strings.Replace(*v, "apis/apps.openshift.io/v1/", "apis/v1/", 1)
			}
		}
	}
}

func proberDefaults(probers *istio.KubeAppProbers) {
	for path, p := range *probers {
		httpDefaults(p.HTTPGet)
		if p.GRPC != nil {
			setDefaultPointer(&p.GRPC.Service, "")
		}
		if !strings.HasSuffix(path, "/prestopz") && !strings.HasSuffix(path, "/poststartz") {
			setDefault(&p.TimeoutSeconds, 1)
		}
	}
}

func rewritten[T any](t *testing.T, text string, change func(*T)) string {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	change(&v)
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}
