package checks

import (
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// apiServers are the static pods of API servers that can be seen.
func apiServers(s *mesh.Snapshot) []*core.Pod {
	var found []*core.Pod
	for _, p := range s.Pods {
		if p.Namespace == "kube-system" && p.Labels["component"] == "kube-apiserver" && len(flagWords(p)) > 0 {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *core.Pod) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// flagWords are the words of a pod's commands, those of a shell line too.
func flagWords(p *core.Pod) []string {
	var all []string
	for _, c := range p.Spec.Containers {
		for _, w := range append(slices.Clone(c.Command), c.Args...) {
			all = append(all, strings.Fields(w)...)
		}
	}
	return all
}

// flagValues are the values given to a flag, split at commas; set tells
// whether it was given at all.
func flagValues(words []string, flag string) (values []string, set bool) {
	for i, w := range words {
		name, value, inline := strings.Cut(w, "=")
		if strings.TrimLeft(name, "-") != flag || !strings.HasPrefix(name, "-") {
			continue
		}
		if !inline && i+1 < len(words) {
			value = words[i+1]
		}
		set = true
		for v := range strings.SplitSeq(value, ",") {
			if v = strings.Trim(v, `"' `); v != "" {
				values = append(values, v)
			}
		}
	}
	return values, set
}
