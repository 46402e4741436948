package checks

import (
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// Markdown is the page of all checks: a table, then a section each, under the
// check's name as anchor.
func Markdown(checks []diagnose.Check) string {
	var b strings.Builder
	b.WriteString("# Checks\n\nWhat `kubectl mesh doctor` looks for. `kubectl mesh doctor explain CHECK` prints the same text without a browser.\n")
	for _, area := range diagnose.Areas() {
		fmt.Fprintf(&b, "\n**%s**\n\n| check | worst | what is wrong |\n|---|---|---|\n", area)
		for _, c := range checks {
			if c.Area == area {
				fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", c.Name, c.Name, c.Severity, strings.ReplaceAll(c.Title(), "|", "\\|"))
			}
		}
	}
	for _, c := range checks {
		b.WriteString("\n" + Section(c))
	}
	return b.String()
}

// Section is one check's part of the page.
func Section(c diagnose.Check) string {
	var b strings.Builder
	_, text, _ := strings.Cut(c.Doc, "\n")
	fmt.Fprintf(&b, "## %s\n\n%s (%s).\n\n%s\n", c.Name, c.Title(), c.Severity, strings.TrimSpace(text))
	var needs []string
	for _, k := range c.Needs {
		needs = append(needs, "`"+k.String()+"`")
	}
	fmt.Fprintf(&b, "\nReads %s.", strings.Join(needs, ", "))
	if len(c.Explains) > 0 {
		fmt.Fprintf(&b, " Can be the cause of: %s.", strings.Join(c.Explains, ", "))
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(&b, " Elsewhere: %s.", strings.Join(c.Aliases, ", "))
	}
	b.WriteString("\n")
	return b.String()
}
