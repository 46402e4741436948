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
	// defaults that matter and an owner; After is that pod as injected, in JSON
	// types, not to be changed. Nil where none was made.
	Pod   *core.Pod
	After map[string]any
}

// InjectedPod decodes After; nil where that is.
func (o Outcome) InjectedPod() (*core.Pod, error) {
	if o.After == nil {
		return nil, nil
	}
	return asPod(o.After)
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
	return Object(obj, namespace, func(*core.Pod) (*Engine, error) { return e, nil })
}

// Object is Engine.Object with the engine that choose returns for the pod that
// the cluster would see of the first template; where that is nil, nothing is
// injected and there are no outcomes. Its error is choose's too.
func Object(obj map[string]any, namespace string, choose func(*core.Pod) (*Engine, error)) (map[string]any, []Outcome, error) {
	all, err := templates(obj, namespace)
	if err != nil {
		return nil, nil, err
	}
	outcomes := Elsewhere(obj, namespace)
	if len(all) == 0 {
		return obj, outcomes, nil
	}
	e, err := choose(all[0].pod)
	if err != nil || e == nil {
		return obj, nil, err
	}
	result := obj
	for _, t := range all {
		after, o, err := e.template(t)
		if err != nil {
			return nil, nil, t.failed(err)
		}
		o.Workload, o.Path = t.ref, t.String()
		outcomes = append(outcomes, o)
		if o.Status == Injected {
			result = t.with(result, after)
		}
	}
	return result, outcomes, nil
}

// template is a pod template of an object.
type template struct {
	place
	ref  mesh.Ref
	own  map[string]any // as it is
	bare map[string]any // without what was injected
	pod  *core.Pod      // that a controller would make of bare

	again bool // something was injected into it before
}

func (t template) failed(err error) error {
	return fmt.Errorf("%s: %w", join(t.ref.Arg(), t.String()), err)
}

func templates(obj map[string]any, namespace string) ([]template, error) {
	where := places(obj)
	if len(where) == 0 {
		return nil, nil
	}
	if err := plainNames(obj); err != nil {
		return nil, err
	}
	var all []template
	for _, p := range where {
		t := template{place: p, ref: refOf(obj, namespace), own: p.get(obj).(map[string]any)}
		t.bare, _, t.again = strip(t.own)
		var err error
		if t.pod, err = nextPod(t.bare, t.ref); err != nil {
			return nil, t.failed(err)
		}
		all = append(all, t)
	}
	return all, nil
}

func join(parts ...string) string {
	return strings.TrimRight(strings.Join(parts, " "), " ")
}

// template injects one pod template.
func (e *Engine) template(t template) (map[string]any, Outcome, error) {
	a, err := e.try(t.pod, t.ref.Namespace)
	if err != nil {
		return nil, Outcome{}, err
	}
	o := Outcome{Pod: t.pod, After: a.is}
	switch {
	case a.refusal != "":
		o.Status, o.Message = Refused, a.refusal
		return t.own, o, nil
	case a.is == nil:
		d := e.gate(t.pod, t.ref.Namespace)
		o.Status, o.Code, o.Message = Skipped, code(d), d.Reason
		return t.own, o, nil
	}
	o.Status, o.Revision, o.Proxy = Injected, injectedBy(a.is), proxyVersion(a.is)
	after := withPullPolicies(mergeMaps(t.bare, a.was, a.is), a.is)
	if t.again {
		after = keepDefaults(after, t.own)
	}
	return after, o, nil
}

// injectedBy is mesh.InjectedBy of a pod in JSON types.
func injectedBy(pod map[string]any) string {
	p := &core.Pod{}
	p.Annotations = map[string]string{}
	annotations, _ := place{"metadata", "annotations"}.get(pod).(map[string]any)
	for _, key := range []string{mesh.StatusAnnotation, mesh.RevisionLabel} {
		if v, ok := annotations[key]; ok {
			p.Annotations[key] = text(v)
		}
	}
	p.Spec.Containers = []core.Container{{Name: nameOf(proxyOf(specOf(pod)))}}
	return mesh.InjectedBy(p)
}

// proxyVersion is mesh.ProxyVersion of a pod in JSON types.
func proxyVersion(pod map[string]any) string {
	return mesh.ImageVersion(text(proxyOf(specOf(pod))["image"]))
}

func specOf(pod map[string]any) map[string]any {
	spec, _ := pod["spec"].(map[string]any)
	return spec
}

// withPullPolicies spells out the pull policies that the API server would
// choose otherwise for the images that istiod filled in: it gave the pod's
// containers a policy when they still said "auto".
func withPullPolicies(template, pod map[string]any) map[string]any {
	for _, key := range []string{"containers", "initContainers"} {
		items, _ := place{"spec", key}.get(template).([]any)
		containers, _ := specOf(pod)[key].([]any)
		for i, item := range items {
			c, ok := item.(map[string]any)
			if !ok || i >= len(containers) || c["imagePullPolicy"] != nil {
				continue
			}
			made, _ := containers[i].(map[string]any)
			want := text(made["imagePullPolicy"])
			if want == "" || want == string(pullPolicy(text(made["image"]))) {
				continue
			}
			c = maps.Clone(c)
			c["imagePullPolicy"] = want
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

func asPod(m map[string]any) (*core.Pod, error) {
	pod := &core.Pod{}
	return pod, runtime.DefaultUnstructuredConverter.FromUnstructured(m, pod)
}

// plainNames finds a name or namespace that is no string, as "on" is none in
// YAML without quotes.
func plainNames(obj map[string]any) error {
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
