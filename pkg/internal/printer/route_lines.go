package printer

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func policyLines(v *route.View) []string {
	var lines []string
	for _, p := range v.Policies {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", cmp.Or(p.Version, "all"), strings.Join(p.Words, ", "), p.From))
	}
	return lines
}

func ownerLines(v *route.View) []string {
	var lines []string
	for _, ref := range sortedRefs(v.Owners) {
		o := v.Owners[ref]
		lines = append(lines, fmt.Sprintf("%s is kept by %s: %s", ref, o, o.Instead))
	}
	return lines
}

func conflictLines(v *route.View) []string {
	var lines []string
	for _, c := range v.Conflicts {
		lines = append(lines, fmt.Sprintf("%s: %s", c.Check, c.Message))
	}
	return lines
}

// unknownLines says what could not be read; what files do not hold in one line.
func unknownLines(v *route.View) []string {
	const absent = ": not in the files"
	var lines, kinds []string
	for _, text := range v.Unknown {
		if kind, ok := strings.CutSuffix(strings.TrimPrefix(text, "could not read "), absent); ok {
			kinds = append(kinds, kind)
			continue
		}
		lines = append(lines, text)
	}
	if len(kinds) > 0 {
		lines = append(lines, "not in the files: "+strings.Join(kinds, ", "))
	}
	return lines
}
