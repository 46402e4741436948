package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// difference is one way in which a live selector is not the chart's.
type difference struct {
	field string // webhooks[2].namespaceSelector.matchExpressions[1]
	text  string // "extra: team In [a]"
}

// diffSelectors compares a live selector with the chart's. The order of
// expressions and of values means nothing.
func diffSelectors(field string, live, want metav1.LabelSelector) []difference {
	var diffs []difference
	expected := map[string]bool{}
	for _, e := range want.MatchExpressions {
		expected[requirement(e)] = true
	}
	present := map[string]bool{}
	for i, e := range live.MatchExpressions {
		text := requirement(e)
		present[text] = true
		if !expected[text] && !enforced(e) {
			diffs = append(diffs, difference{fmt.Sprintf("%s.matchExpressions[%d]", field, i), "extra: " + text})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(live.MatchLabels)) {
		diffs = append(diffs, difference{field + ".matchLabels[" + key + "]", "extra: " + key + " = " + live.MatchLabels[key]})
	}
	for _, e := range want.MatchExpressions {
		if text := requirement(e); !present[text] {
			diffs = append(diffs, difference{field, "missing: " + text})
		}
	}
	return diffs
}

// requirement is an expression as people write it, the same for the same
// values in another order.
func requirement(e metav1.LabelSelectorRequirement) string {
	text := e.Key + " " + string(e.Operator)
	if len(e.Values) == 0 {
		return text
	}
	values := slices.Sorted(slices.Values(e.Values))
	return text + " [" + strings.Join(slices.Compact(values), " ") + "]"
}

// enforced reports whether an expression is one that AKS's admissions enforcer
// adds to every webhook configuration.
func enforced(e metav1.LabelSelectorRequirement) bool {
	return e.Key == "control-plane" || e.Key == "kubernetes.azure.com/managedby"
}

// unenforced is a selector without the enforcer's expressions.
func unenforced(s metav1.LabelSelector) metav1.LabelSelector {
	s.MatchExpressions = slices.DeleteFunc(slices.Clone(s.MatchExpressions), enforced)
	return s
}
