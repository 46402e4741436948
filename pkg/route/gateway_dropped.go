package route

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Dropped says which part of a rule the API server would leave out of what the
// step writes, given what its dry run answered; empty for none. Of Gateway API's
// fields some are served by the experimental channel alone. A rule's name, which
// older releases do not know, changes nothing that the rule does.
func (s *Step) Dropped(answer *unstructured.Unstructured) string {
	if s.After == nil || answer == nil {
		return ""
	}
	wanted, _ := s.After.Object["spec"].(map[string]any)
	kept, _ := answer.Object["spec"].(map[string]any)
	rules := itemsOf(kept, "rules")
	for i, raw := range itemsOf(wanted, "rules") {
		for field := range raw {
			if field != "name" && i < len(rules) && rules[i][field] == nil {
				return fmt.Sprintf("the cluster's %s has no field %s.%s (the experimental channel of Gateway API may have it)", s.Ref.Kind, ruleField(i), field)
			}
		}
	}
	return ""
}
