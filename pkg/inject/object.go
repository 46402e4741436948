package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Status is what became of a pod template.
type Status string

// The ways a pod template can go.
const (
	Injected Status = "injected"
	Skipped  Status = "skipped" // istiod leaves such a pod alone
	Refused  Status = "refused" // istiod would refuse the pod
	Removed  Status = "removed" // the sidecar was taken out
)

// Outcome is what became of one pod template of an object.
type Outcome struct {
	Workload mesh.Ref
	Path     string // where the template stands: "spec.template"; empty for a Pod
	Status   Status
	// Code is why a template was skipped, a word that stays the same from
	// release to release: host-network, ignored-namespace, opted-out,
	// never-inject-selector, policy, left-alone, template-elsewhere,
	// not-injected.
	Code string
	// Message is the reason in words, of istiod where it refuses.
	Message  string
	Revision string // that injected
	Proxy    string // version of the proxy, of its image's tag
	// Notes tell what of the object may not be as its author wants it.
	Notes []string
	// Pod is the pod that the cluster would see, before injection, with the
	// defaults that matter and an owner; After is that pod as injected.
	Pod, After *core.Pod
}

// Object injects the pod templates of an object, which is made of JSON types
// with int64 for whole numbers. Namespace counts where the object names none.
// The object stays as it is; the result shares what did not change with it,
// and is the object itself where it has no pod template, or none that istiod
// would inject. What was injected before is injected anew.
//
// An error means that it could not be tried: a template of a shape that the
// API server would refuse.
func (e *Engine) Object(obj map[string]any, namespace string) (map[string]any, []Outcome, error) {
	if err := plainNames(obj); err != nil {
		return nil, nil, err
	}
	ref := refOf(obj, namespace)
	outcomes := Elsewhere(obj, namespace)
	result := obj
	for _, p := range places(obj) {
		own := p.get(obj).(map[string]any)
		after, o, err := e.template(own, ref)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", join(ref.Arg(), p.String()), err)
		}
		o.Workload, o.Path = ref, p.String()
		outcomes = append(outcomes, o)
		if o.Status == Injected {
			result = p.with(result, after)
		}
	}
	return result, outcomes, nil
}

func join(parts ...string) string {
	return strings.TrimRight(strings.Join(parts, " "), " ")
}

// template injects one pod template.
func (e *Engine) template(own map[string]any, ref mesh.Ref) (map[string]any, Outcome, error) {
	bare, _, _ := strip(own)
	pod, err := nextPod(bare, ref)
	if err != nil {
		return nil, Outcome{}, err
	}
	r, err := e.Inject(pod, ref.Namespace)
	if err != nil {
		return nil, Outcome{}, err
	}
	o := Outcome{Pod: pod, After: r.Pod}
	switch {
	case r.Refusal != "":
		o.Status, o.Message = Refused, r.Refusal
		return own, o, nil
	case r.Skipped:
		d := e.gate(pod, ref.Namespace)
		o.Status, o.Code, o.Message = Skipped, code(d), d.Reason
		return own, o, nil
	}
	was, err := asMap(pod)
	if err != nil {
		return nil, Outcome{}, err
	}
	is, err := asMap(r.Pod)
	if err != nil {
		return nil, Outcome{}, err
	}
	o.Status, o.Revision, o.Proxy = Injected, mesh.InjectedBy(r.Pod), mesh.ProxyVersion(&r.Pod.Spec)
	return withPullPolicies(mergeMaps(bare, was, is), r.Pod), o, nil
}

// withPullPolicies spells out the pull policies that the API server would
// choose otherwise for the images that istiod filled in: it gave the pod's
// containers a policy when they still said "auto".
func withPullPolicies(template map[string]any, pod *core.Pod) map[string]any {
	for _, list := range []struct {
		key        string
		containers []core.Container
	}{{"containers", pod.Spec.Containers}, {"initContainers", pod.Spec.InitContainers}} {
		items, _ := place{"spec", list.key}.get(template).([]any)
		for i, item := range items {
			c, ok := item.(map[string]any)
			if !ok || i >= len(list.containers) || c["imagePullPolicy"] != nil {
				continue
			}
			want := list.containers[i].ImagePullPolicy
			if want == "" || want == pullPolicy(list.containers[i].Image) {
				continue
			}
			c = maps.Clone(c)
			c["imagePullPolicy"] = string(want)
			items[i] = c // a list that merging made
		}
	}
	return template
}

// nextPod is the pod that a controller would make of a template, with the
// defaults of the API server that istiod looks at.
func nextPod(template map[string]any, ref mesh.Ref) (*core.Pod, error) {
	w := mesh.Workload{Ref: ref}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &w.Template); err != nil {
		return nil, fmt.Errorf("it is no pod template: %w", fieldError(template, err))
	}
	return withDefaults(w.NextPod()), nil
}

// fieldError is the error of a decoder that names the field, which the
// converter does not.
func fieldError(template map[string]any, err error) error {
	raw, failed := json.Marshal(template)
	if failed != nil {
		return err
	}
	if named := json.Unmarshal(raw, &core.PodTemplateSpec{}); named != nil {
		return errors.New(strings.TrimPrefix(named.Error(), "json: "))
	}
	return err
}

func asMap(pod *core.Pod) (map[string]any, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		return nil, fmt.Errorf("read what istiod made: %w", err)
	}
	delete(m, "status")
	return m, nil
}

// plainNames finds a name or namespace that is no string, as "on" is none in
// YAML without quotes.
func plainNames(obj map[string]any) error {
	if len(places(obj)) == 0 {
		return nil
	}
	meta, _ := obj["metadata"].(map[string]any)
	for _, key := range []string{"name", "namespace", "generateName"} {
		switch meta[key].(type) {
		case nil, string:
		default:
			return fmt.Errorf("metadata.%s is %v, which is no string without quotes", key, meta[key])
		}
	}
	return nil
}

// refOf names an object. A name that is still to be drawn is what stands
// before the drawn part.
func refOf(obj map[string]any, namespace string) mesh.Ref {
	meta, _ := obj["metadata"].(map[string]any)
	ref := mesh.Ref{APIVersion: text(obj["apiVersion"]), Kind: text(obj["kind"]), Namespace: text(meta["namespace"]), Name: text(meta["name"])}
	if ref.Namespace == "" {
		ref.Namespace = namespace
	}
	if ref.Name == "" {
		ref.Name = strings.TrimSuffix(text(meta["generateName"]), "-")
	}
	return ref
}

// Elsewhere is the outcome for an object whose pods are made of another's
// template, an Argo Rollout with a workloadRef; none for all others.
func Elsewhere(obj map[string]any, namespace string) []Outcome {
	other, ok := borrowed(obj)
	if !ok {
		return nil
	}
	return []Outcome{{
		Workload: refOf(obj, namespace), Status: Skipped, Code: "template-elsewhere",
		Message: fmt.Sprintf("its pods are made of the template of %s (spec.workloadRef): inject that", other.Arg()),
	}}
}

// LeftAlone are the outcomes for an object whose pod templates somebody wants
// left alone, with the reason's code and words.
func LeftAlone(obj map[string]any, namespace, code, message string) []Outcome {
	outcomes := Elsewhere(obj, namespace)
	for _, p := range places(obj) {
		outcomes = append(outcomes, Outcome{Workload: refOf(obj, namespace), Path: p.String(), Status: Skipped, Code: code, Message: message})
	}
	return outcomes
}

// NextPods are the pods that a cluster would see of an object, one for each
// pod template, as Object gives them to istiod. An error is that of Object.
func NextPods(obj map[string]any, namespace string) ([]*core.Pod, error) {
	if err := plainNames(obj); err != nil {
		return nil, err
	}
	var pods []*core.Pod
	for _, p := range places(obj) {
		ref := refOf(obj, namespace)
		bare, _, _ := strip(p.get(obj).(map[string]any))
		pod, err := nextPod(bare, ref)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", join(ref.Arg(), p.String()), err)
		}
		pods = append(pods, pod)
	}
	return pods, nil
}
