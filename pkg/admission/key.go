package admission

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Key is the same for questions that have the same answer: most pods differ
// only in labels that nobody asks for, and a mesh of thousands of workloads
// has a few decisions.
func (d *Decider) Key(ns *core.Namespace, t Template) string {
	var b strings.Builder
	add := func(words ...string) {
		for _, w := range words {
			b.WriteString(strconv.Quote(w))
		}
	}
	labelled := false
	if ns == nil {
		b.WriteString("unread")
	} else {
		for _, key := range []string{mesh.InjectionLabel, mesh.RevisionLabel} {
			_, ok := ns.Labels[key]
			labelled = labelled || ok
		}
		// Where no label decides, the answer speaks of the namespace by name.
		if !labelled || d.keys[label{ofNamespace, core.LabelMetadataName}] || slices.Contains(IgnoredNamespaces(), ns.Name) || d.Conditional() {
			add(ns.Name)
		}
		d.add(add, ofNamespace, ns.Labels)
	}
	d.add(add, ofPod, t.Labels)
	if value, ok := t.Annotations[mesh.InjectLabel]; ok {
		add("annotation", value)
	}
	b.WriteString(strconv.FormatBool(t.HostNetwork))
	if !d.Conditional() {
		return b.String()
	}
	// Match conditions may look at all of the pod.
	_ = json.NewEncoder(&b).Encode([]any{ns, t.Labels, t.Annotations, t.Pod}) // what was decoded can be encoded
	return b.String()
}

func (d *Decider) add(add func(...string), whose side, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if d.keys[label{whose, key}] {
			add(string(whose), key, labels[key])
		}
	}
}

// asksFor are the labels that a decision may depend on, or speak of.
func asksFor(webhooks []*webhook) map[label]bool {
	keys := map[label]bool{
		{ofNamespace, mesh.InjectionLabel}: true, {ofNamespace, mesh.RevisionLabel}: true,
		{ofPod, mesh.InjectLabel}: true, {ofPod, mesh.RevisionLabel}: true,
	}
	for _, w := range webhooks {
		for _, t := range slices.Concat(w.namespace.terms, w.object.terms) {
			keys[label{t.side, t.key}] = true
		}
		for _, s := range slices.Concat(w.injector.never, w.injector.always) {
			asked, _ := s.selector.Requirements()
			for _, r := range asked {
				keys[label{ofPod, r.Key()}] = true
			}
		}
	}
	return keys
}
