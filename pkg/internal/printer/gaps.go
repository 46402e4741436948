package printer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// missing is one thing that could not be read, and how many checks it left
// unknown.
type missing struct {
	what   string
	checks int
}

// gaps says what could not be read, each thing once, under why: the right to
// ask for, or what went wrong.
func (t *table) gaps() {
	whys, byWhy := t.missing()
	if len(whys) == 0 {
		return
	}
	t.line("%s Could not look", t.mark("?", "?", yellow))
	for _, why := range whys {
		list := byWhy[why]
		slices.SortStableFunc(list, func(a, b missing) int { return cmp.Compare(b.checks, a.checks) })
		var parts []string
		for _, m := range list {
			parts = append(parts, fmt.Sprintf("%s (%s)", m.what, plural(m.checks, "check")))
		}
		if len(parts) > 6 && !t.style.Wide {
			parts = append(parts[:5], fmt.Sprintf("and %d more (-o wide)", len(list)-5))
		}
		for i, l := range wrap(Clean(why+": "+strings.Join(parts, ", ")), t.style.Width-6) {
			t.line("    %s%s", strings.Repeat("  ", min(i, 1)), l)
		}
	}
}

// missing groups what left checks unknown by why, in the order of the checks.
func (t *table) missing() (whys []string, byWhy map[string][]missing) {
	byWhy = map[string][]missing{}
	count := func(why, what string) {
		if _, ok := byWhy[why]; !ok {
			whys = append(whys, why)
		}
		at := slices.IndexFunc(byWhy[why], func(m missing) bool { return m.what == what })
		if at < 0 {
			byWhy[why] = append(byWhy[why], missing{what: what})
			at = len(byWhy[why]) - 1
		}
		byWhy[why][at].checks++
	}
	for _, res := range t.report.Results {
		if res.Status != diagnose.Unknown {
			continue
		}
		for _, g := range res.Missing {
			count(why(g), where(g))
		}
		if len(res.Missing) == 0 {
			count(res.Reason, res.Check)
		}
	}
	return whys, byWhy
}

func why(g mesh.Gap) string {
	if g.Verb != "" {
		return "may not " + g.Verb
	}
	return g.Reason
}

func where(g mesh.Gap) string {
	if g.Namespace != "" {
		return g.Kind.String() + " in namespace " + g.Namespace
	}
	return g.Kind.String()
}
