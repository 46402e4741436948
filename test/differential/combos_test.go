//go:build sandbox

package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// absent stands for a label that is not there.
const absent = "\x00"

// The values of each dimension. What stands twice is drawn twice as often.
func injections() []string { return []string{absent, "enabled", "disabled", "enabeld", ""} }
func revisions() []string {
	return []string{absent, "default", "canary", "prod", "stable", "1-28"}
}
func extras() []map[string]string {
	return []map[string]string{nil, {"team": "a"}, {"control-plane": "controller-manager"}}
}

// namespaces are all combinations of namespace labels, and one where istiod
// never injects.
func namespaces() []*core.Namespace {
	var all []*core.Namespace
	for i, injection := range injections() {
		for r, revision := range revisions() {
			for e, extra := range extras() {
				labels := put(put(extra, mesh.InjectionLabel, injection), mesh.RevisionLabel, revision)
				all = append(all, &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("ns-%d-%d-%d", i, r, e), Labels: labels}})
			}
		}
	}
	return append(all, &core.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "local-path-storage", Labels: map[string]string{mesh.InjectionLabel: "enabled"},
	}})
}

func put(labels map[string]string, key, value string) map[string]string {
	if value == absent {
		return labels
	}
	return with(labels, key, value)
}

// combo is one question: a pod in a namespace.
type combo struct {
	ns  *core.Namespace
	pod *core.Pod
}

func (c combo) String() string {
	return fmt.Sprintf("namespace %s %v, pod labels %v, annotations %v, hostNetwork %v",
		c.ns.Name, c.ns.Labels, c.pod.Labels, c.pod.Annotations, c.pod.Spec.HostNetwork)
}

// combos draws n different combinations, always the same for a seed.
func combos(seed uint64, n int, all []*core.Namespace) []combo {
	r := rand.New(rand.NewPCG(seed, 1))
	seen := map[string]bool{}
	var out []combo
	for len(out) < n {
		c := draw(r, all)
		if key := c.String(); !seen[key] {
			seen[key] = true
			c.pod.GenerateName = fmt.Sprintf("s%d-c%d-", seed, len(out))
			out = append(out, c)
		}
	}
	return out
}

func draw(r *rand.Rand, all []*core.Namespace) combo {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	ns := all[r.IntN(len(all))]
	if r.IntN(4) == 0 { // enough that gets past the first gate
		enabled := slices.DeleteFunc(slices.Clone(all), func(ns *core.Namespace) bool { return ns.Labels[mesh.InjectionLabel] != "enabled" })
		ns = enabled[r.IntN(len(enabled))]
	}
	labels := put(nil, mesh.InjectLabel, pick(absent, absent, absent, "true", "false", "True", ""))
	labels = put(labels, mesh.RevisionLabel, pick(absent, absent, absent, "default", "canary", "prod", "nope"))
	labels = put(labels, "force", pick(absent, absent, "yes"))
	labels = put(labels, "batch", pick(absent, absent, absent, "nightly"))
	labels = put(labels, "app", pick(absent, "web", "web", "lost"))
	labels = put(labels, "fragile", pick(absent, absent, absent, "yes", "open"))
	return combo{ns: ns, pod: &core.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ns.Name, Labels: labels,
			Annotations: put(nil, mesh.InjectLabel, pick(absent, absent, absent, "true", "false", "yes", "")),
		},
		Spec: core.PodSpec{
			HostNetwork: r.IntN(8) == 0,
			Containers:  []core.Container{{Name: "app", Image: "registry.example.com/app:1"}},
		},
	}}
}
