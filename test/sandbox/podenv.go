package sandbox

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// lookup reads the data of a ConfigMap or Secret in the pod's namespace; found is false when there is none.
type lookup func(kind, name string) (data map[string]string, found bool, err error)

// resolveEnv gives a container's env as kubelet would: envFrom first, then env in order, $(NAME) expanded. What
// refers to resources is left out: kubelet would give the capacity of kwok's node, which this machine has not.
func resolveEnv(pod *corev1.Pod, c *corev1.Container, find lookup) ([]string, error) {
	values := map[string]string{}
	var names []string
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, from := range c.EnvFrom {
		data, err := envFrom(from, find)
		if err != nil {
			return nil, err
		}
		for name, value := range data {
			set(from.Prefix+name, value)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			set(e.Name, expand(e.Value, values))
			continue
		}
		value, ok, err := valueFrom(pod, e, find)
		if err != nil {
			return nil, err
		}
		if ok {
			set(e.Name, value)
		}
	}
	env := make([]string, 0, len(names))
	for _, name := range names {
		env = append(env, name+"="+values[name])
	}
	return env, nil
}

func envFrom(from corev1.EnvFromSource, find lookup) (map[string]string, error) {
	kind, name, optional := "", "", (*bool)(nil)
	switch {
	case from.ConfigMapRef != nil:
		kind, name, optional = "ConfigMap", from.ConfigMapRef.Name, from.ConfigMapRef.Optional
	case from.SecretRef != nil:
		kind, name, optional = "Secret", from.SecretRef.Name, from.SecretRef.Optional
	default:
		return nil, nil
	}
	data, found, err := find(kind, name)
	if err != nil {
		return nil, err
	}
	if !found && (optional == nil || !*optional) {
		return nil, fmt.Errorf("%s %q not found", strings.ToLower(kind), name)
	}
	return data, nil
}

// valueFrom is the value of one variable; ok is false when it is not to be set.
func valueFrom(pod *corev1.Pod, e corev1.EnvVar, find lookup) (value string, ok bool, err error) {
	kind, name, key, optional := "", "", "", (*bool)(nil)
	switch from := e.ValueFrom; {
	case from.FieldRef != nil:
		value, err := podField(pod, from.FieldRef.FieldPath)
		return value, err == nil, err
	case from.ConfigMapKeyRef != nil:
		kind, name, key, optional = "ConfigMap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional
	case from.SecretKeyRef != nil:
		kind, name, key, optional = "Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key, from.SecretKeyRef.Optional
	default:
		return "", false, nil
	}
	data, found, err := find(kind, name)
	if err != nil {
		return "", false, err
	}
	if value, ok := data[key]; ok {
		return value, true, nil
	}
	if optional != nil && *optional {
		return "", false, nil
	}
	if !found {
		return "", false, fmt.Errorf("%s %q not found", strings.ToLower(kind), name)
	}
	return "", false, fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, pod.Namespace, name)
}

// podField is a field of the pod by its path in the downward API.
func podField(pod *corev1.Pod, path string) (string, error) {
	fields := map[string]string{
		"metadata.name": pod.Name, "metadata.namespace": pod.Namespace, "metadata.uid": string(pod.UID),
		"spec.nodeName": pod.Spec.NodeName, "spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.hostIP": pod.Status.HostIP, "status.podIP": pod.Status.PodIP,
	}
	if value, ok := fields[path]; ok {
		return value, nil
	}
	if m := regexp.MustCompile(`^metadata\.(labels|annotations)\['(.+)'\]$`).FindStringSubmatch(path); m != nil {
		if m[1] == "labels" {
			return pod.Labels[m[2]], nil
		}
		return pod.Annotations[m[2]], nil
	}
	return "", fmt.Errorf("unsupported fieldPath %q", path)
}

// expand replaces $(NAME) by its value; an unknown name stays as it is and $$ is a dollar
// (k8s.io/kubernetes, third_party/forked/golang/expansion, v1.35).
func expand(s string, values map[string]string) string {
	return regexp.MustCompile(`\$\$|\$\([^()]*\)`).ReplaceAllStringFunc(s, func(ref string) string {
		if ref == "$$" {
			return "$"
		}
		if value, ok := values[ref[2:len(ref)-1]]; ok {
			return value
		}
		return ref
	})
}
