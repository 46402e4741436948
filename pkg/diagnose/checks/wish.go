package checks

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// wish is what somebody meant to say about injection, however it is spelt.
type wish int

const (
	unclear wish = iota
	wantsIn
	wantsOut
)

// wishOf reads a value of istio-injection or sidecar.istio.io/inject as a
// person would.
func wishOf(value string) wish {
	v := strings.ToLower(strings.Trim(value, " \t\n\"'"))
	switch v {
	case "true", "yes", "y", "on", "1", "t", "enabled", "enable", "inject", "injected":
		return wantsIn
	case "false", "no", "n", "off", "0", "f", "disabled", "disable", "none", "never":
		return wantsOut
	}
	in := min(distance(v, "enabled"), distance(v, "true")+1)
	out := min(distance(v, "disabled"), distance(v, "false")+1)
	switch {
	case in <= 2 && in < out:
		return wantsIn
	case out <= 2 && out < in:
		return wantsOut
	}
	return unclear
}

// meantKey returns which injection label a namespace's key was meant to be:
// istio-injection, istio.io/rev, or empty when it has nothing to do with
// either (or is one of them).
func meantKey(key string) string {
	if key == mesh.InjectionLabel || key == mesh.RevisionLabel {
		return ""
	}
	k := strings.ToLower(key)
	switch k {
	case "istio-inject", "istio.io/inject", "istio.io/injection", "injection.istio.io", "istio/injection",
		mesh.InjectLabel, "sidecar.istio.io/injection", "sidecar-injection", "istio-sidecar-injection",
		"istio-sidecar-inject", "istio-sidecar-injector", "istio-auto-injection", "injection":
		return mesh.InjectionLabel
	case "istio.io/revision", "istio-revision", "istio-rev", "istio/rev", "istio/revision", "rev.istio.io":
		return mesh.RevisionLabel
	}
	plain := strings.NewReplacer("_", "-", ".", "-", "/", "-").Replace(k)
	switch {
	case distance(plain, "istio-injection") <= 2:
		return mesh.InjectionLabel
	case distance(plain, "istio-io-rev") <= 2:
		return mesh.RevisionLabel
	}
	return ""
}

// strayKeys are the keys of a namespace's labels that were meant to ask for
// injection and do not, sorted; those that ask for none do no harm.
func strayKeys(labels map[string]string) []string {
	var stray []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		switch meantKey(key) {
		case mesh.InjectionLabel:
			if wishOf(labels[key]) == wantsIn {
				stray = append(stray, key)
			}
		case mesh.RevisionLabel:
			if labels[key] != "" {
				stray = append(stray, key)
			}
		}
	}
	return stray
}

// strayAnnotations are those of a namespace that would ask for injection if
// they were labels, sorted.
func strayAnnotations(annotations map[string]string) []string {
	var stray []string
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		switch {
		case key == mesh.InjectionLabel && wishOf(annotations[key]) == wantsIn,
			key == mesh.RevisionLabel && annotations[key] != "",
			len(strayKeys(map[string]string{key: annotations[key]})) > 0:
			stray = append(stray, key)
		}
	}
	return stray
}

// distance is how many letters must be put in, taken out or changed to make b
// of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
