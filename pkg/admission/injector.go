package admission

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injector is one istiod's injection config, as far as it decides who is
// injected.
type injector struct {
	revision, namespace string
	configMap           string // "istio-system/istio-sidecar-injector"
	unknown             string // why it is not known; the chart's default is assumed then
	policy              string
	never, always       []podSelector
}

// podSelector is an entry of neverInjectSelector or alwaysInjectSelector.
type podSelector struct {
	index    int
	selector labels.Selector
}

// finder finds the istiod behind a webhook, and its injection config.
type finder struct {
	snapshot *mesh.Snapshot
	found    map[mesh.Ref]*injector
	problems []Problem
}

func (f *finder) injector(config *admissionv1.MutatingWebhookConfiguration, h *admissionv1.MutatingWebhook) *injector {
	revision, namespace := f.istiod(config, h)
	ref := mesh.RefTo(mesh.ConfigMaps, namespace, configMapName(revision))
	if i, ok := f.found[ref]; ok {
		return i
	}
	i := f.load(ref)
	i.revision, i.namespace, i.configMap = revision, namespace, ref.Namespace+"/"+ref.Name
	f.found[ref] = i
	return i
}

// configMapName is where an istiod keeps its injection config
// (istio.io/istio 1.29.1, pilot/pkg/bootstrap/sidecarinjector.go:
// getInjectorConfigMapName).
func configMapName(revision string) string {
	if revision == "" || revision == "default" {
		return "istio-sidecar-injector"
	}
	return "istio-sidecar-injector-" + revision
}

// istiod returns the revision and namespace of the control plane that a
// webhook calls: that of the Deployment behind its service, or, where that was
// not read or is not clear, the one that the service selects, or the
// configuration's label.
func (f *finder) istiod(config *admissionv1.MutatingWebhookConfiguration, h *admissionv1.MutatingWebhook) (revision, namespace string) {
	labelled := mesh.RevisionOf(config.Labels)
	ref := h.ClientConfig.Service
	if ref == nil {
		return labelled, f.namespaceOf(configMapName(labelled))
	}
	at := slices.IndexFunc(f.snapshot.Services, func(s *core.Service) bool { return s.Namespace == ref.Namespace && s.Name == ref.Name })
	if at < 0 || len(f.snapshot.Services[at].Spec.Selector) == 0 {
		return labelled, ref.Namespace
	}
	wanted := labels.SelectorFromSet(f.snapshot.Services[at].Spec.Selector)
	behind := map[string]bool{}
	for _, d := range f.snapshot.Deployments {
		if d.Namespace == ref.Namespace && wanted.Matches(labels.Set(d.Spec.Template.Labels)) {
			behind[revisionOf(d)] = true
		}
	}
	if len(behind) == 1 {
		for revision := range behind {
			return revision, ref.Namespace
		}
	}
	return cmp.Or(f.snapshot.Services[at].Spec.Selector[mesh.RevisionLabel], labelled), ref.Namespace
}

// namespaceOf finds the control plane of a webhook that calls a URL by its
// injector ConfigMap; empty when there is none, or more than one.
func (f *finder) namespaceOf(configMap string) string {
	found := ""
	for _, c := range f.snapshot.ConfigMaps {
		if c.Name != configMap {
			continue
		}
		if found != "" {
			return ""
		}
		found = c.Namespace
	}
	return found
}

// revisionOf is the revision that an istiod runs as: its argument REVISION
// (istio.io/istio 1.29.1, pilot/pkg/bootstrap/options.go), which the chart
// also writes as a label.
func revisionOf(d *apps.Deployment) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.Name == "REVISION" && e.Value != "" {
				return e.Value
			}
		}
	}
	return mesh.RevisionOf(d.Spec.Template.Labels)
}

// load reads what decides from an injector ConfigMap, as istiod reads it
// (istio.io/istio 1.29.1, pkg/kube/inject/watcher.go: readConfigMap).
func (f *finder) load(ref mesh.Ref) *injector {
	i := &injector{policy: policyEnabled}
	at := slices.IndexFunc(f.snapshot.ConfigMaps, func(c *core.ConfigMap) bool { return c.Namespace == ref.Namespace && c.Name == ref.Name })
	if at < 0 {
		i.unknown = ref.String() + " was not read"
		if f.snapshot.Complete(mesh.ConfigMaps, ref.Namespace) {
			i.unknown = ref.String() + " does not exist"
		}
		return i
	}
	var config struct {
		Policy               string                 `json:"policy"`
		NeverInjectSelector  []metav1.LabelSelector `json:"neverInjectSelector"`
		AlwaysInjectSelector []metav1.LabelSelector `json:"alwaysInjectSelector"`
	}
	raw, ok := f.snapshot.ConfigMaps[at].Data["config"]
	err := yaml.Unmarshal([]byte(raw), &config)
	if !ok {
		err = errors.New("there is no key config")
	}
	if err != nil {
		// istiod goes on with the last config it could read.
		i.unknown = ref.String() + " cannot be read by istiod, which goes on with what it read before"
		f.problems = append(f.problems, Problem{Object: ref, Field: "data.config", Message: oneLine(err)})
		return i
	}
	i.policy = config.Policy
	i.never = f.selectors(ref, "neverInjectSelector", config.NeverInjectSelector)
	i.always = f.selectors(ref, "alwaysInjectSelector", config.AlwaysInjectSelector)
	return i
}

// selectors leaves out what istiod passes over: entries that are empty or
// cannot be parsed.
func (f *finder) selectors(ref mesh.Ref, field string, entries []metav1.LabelSelector) []podSelector {
	var out []podSelector
	for i := range entries {
		s, err := metav1.LabelSelectorAsSelector(&entries[i])
		if err != nil {
			f.problems = append(f.problems, Problem{Object: ref, Field: fmt.Sprintf("data.config: %s[%d]", field, i), Message: oneLine(err)})
			continue
		}
		if !s.Empty() {
			out = append(out, podSelector{index: i, selector: s})
		}
	}
	return out
}
