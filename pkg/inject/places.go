package inject

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// place is where a pod template stands in an object: the keys that lead to it.
// An empty path is the object itself, a Pod.
type place []string

// String is the path as kubectl explain takes it: "spec.template".
func (p place) String() string { return strings.Join(p, ".") }

// places are where pod templates stand, by a general rule that holds for the
// built-in kinds, OpenShift's DeploymentConfig, Argo's Rollout, Knative's
// Service, OpenKruise's sets and what else is built like them: spec.template
// or spec.jobTemplate.spec.template with containers in its spec.
func places(obj map[string]any) []place {
	switch kindOf(obj).GroupKind() {
	case schema.GroupKind{Kind: "Pod"}:
		return []place{{}}
	case schema.GroupKind{Kind: "PodTemplate"}:
		return found(obj, place{"template"})
	}
	return append(found(obj, place{"spec", "template"}), found(obj, place{"spec", "jobTemplate", "spec", "template"})...)
}

func found(obj map[string]any, p place) []place {
	if isTemplate(p.get(obj)) {
		return []place{p}
	}
	return nil
}

// isTemplate reports whether a value is a pod template: its spec has
// containers, or had some: a gateway's only container becomes a native sidecar.
func isTemplate(v any) bool {
	t, _ := v.(map[string]any)
	spec, _ := t["spec"].(map[string]any)
	containers, ok := spec["containers"].([]any)
	for _, c := range containers {
		if _, ok := c.(map[string]any); !ok {
			return false
		}
	}
	return len(containers) > 0 || ok && proxyOf(spec) != nil
}

func (p place) get(obj map[string]any) any {
	var v any = obj
	for _, key := range p {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// with returns a copy of an object in which another value stands here. What
// does not lead to it is shared.
func (p place) with(obj map[string]any, v map[string]any) map[string]any {
	if len(p) == 0 {
		return v
	}
	c := make(map[string]any, len(obj))
	for key, value := range obj {
		c[key] = value
	}
	inner, _ := obj[p[0]].(map[string]any)
	c[p[0]] = p[1:].with(inner, v)
	return c
}

// borrowed names the object whose template an Argo Rollout uses
// (spec.workloadRef) instead of one of its own; false for all others.
func borrowed(obj map[string]any) (mesh.Ref, bool) {
	if k := kindOf(obj); k.Group != "argoproj.io" || k.Kind != "Rollout" {
		return mesh.Ref{}, false
	}
	r, ok := place{"spec", "workloadRef"}.get(obj).(map[string]any)
	if !ok {
		return mesh.Ref{}, false
	}
	return mesh.Ref{APIVersion: text(r["apiVersion"]), Kind: text(r["kind"]), Name: text(r["name"])}, true
}

func kindOf(obj map[string]any) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(text(obj["apiVersion"]), text(obj["kind"]))
}

// text is a string, or empty for what is none.
func text(v any) string {
	s, _ := v.(string)
	return s
}
