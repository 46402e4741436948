package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func testPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "istiod-1", Namespace: "istio-system", UID: "u-1",
			Labels: map[string]string{"istio.io/rev": "canary"}, Annotations: map[string]string{"a/b": "note"},
		},
		Spec: corev1.PodSpec{NodeName: "node-1", ServiceAccountName: "istiod", Containers: []corev1.Container{{Name: "discovery"}}},
	}
}

func field(path string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
}

func secretKey(name, key string, optional bool) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key, Optional: &optional,
	}}
}

func noObjects(string, string) (map[string]string, bool, error) { return nil, false, nil }

func TestEnvIsResolvedAsKubeletDoes(t *testing.T) {
	find := func(kind, name string) (map[string]string, bool, error) {
		if kind == "Secret" && name == "tokens" {
			return map[string]string{"one": "1"}, true, nil
		}
		if kind == "ConfigMap" && name == "all" {
			return map[string]string{"KEY": "from-map"}, true, nil
		}
		return nil, false, nil
	}
	pod := testPod()
	got, err := resolveEnv(pod, &corev1.Container{
		EnvFrom: []corev1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "all"}}}},
		Env: []corev1.EnvVar{
			{Name: "PLAIN", Value: "x"},
			{Name: "NAME", ValueFrom: field("metadata.name")},
			{Name: "ACCOUNT", ValueFrom: field("spec.serviceAccountName")},
			{Name: "REV", ValueFrom: field("metadata.labels['istio.io/rev']")},
			{Name: "NOTE", ValueFrom: field("metadata.annotations['a/b']")},
			{Name: "SECRET", ValueFrom: secretKey("tokens", "one", false)},
			{Name: "ABSENT", ValueFrom: secretKey("none", "one", true)},
			{Name: "CPUS", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu"}}},
			{Name: "EXPANDED", Value: "$(PLAIN)-$(P_KEY)-$(UNKNOWN)-$$(PLAIN)"},
			{Name: "PLAIN", Value: "y"},
		},
	}, find)
	require.NoError(t, err)
	require.Equal(t, []string{
		"P_KEY=from-map", "PLAIN=y", "NAME=istiod-1", "ACCOUNT=istiod", "REV=canary", "NOTE=note", "SECRET=1",
		"EXPANDED=x-from-map-$(UNKNOWN)-$(PLAIN)",
	}, got)
}

func TestEnvThatCannotBeResolvedIsAnError(t *testing.T) {
	pod := testPod()
	for want, env := range map[string]corev1.EnvVar{
		`secret "none" not found`:             {Name: "A", ValueFrom: secretKey("none", "one", false)},
		`unsupported fieldPath "status.moon"`: {Name: "A", ValueFrom: field("status.moon")},
	} {
		_, err := resolveEnv(pod, &corev1.Container{Env: []corev1.EnvVar{env}}, noObjects)
		require.EqualError(t, err, want)
	}
}
