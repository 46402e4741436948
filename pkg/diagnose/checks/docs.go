package checks

import (
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// Index is the page that lists all checks, each with a link to its own.
func Index(checks []diagnose.Check) string {
	var b strings.Builder
	b.WriteString("# Checks\n\nWhat `kubectl mesh doctor` looks for. `kubectl mesh doctor explain CHECK` prints the same text without a browser.\n")
	for _, area := range diagnose.Areas() {
		fmt.Fprintf(&b, "\n**%s**\n\n| check | worst | what is wrong |\n|---|---|---|\n", area)
		for _, c := range checks {
			if c.Area == area {
				fmt.Fprintf(&b, "| [%s](checks/%s.md) | %s | %s |\n", c.Name, c.Name, c.Severity, strings.ReplaceAll(c.Title(), "|", "\\|"))
			}
		}
	}
	return b.String()
}

// Page is one check's own page. The example is a command, and what the doctor
// prints for it where it finds the fault.
func Page(c diagnose.Check, example string) string {
	var b strings.Builder
	_, text, _ := strings.Cut(c.Doc, "\n")
	fmt.Fprintf(&b, "# %s\n\n%s (%s).\n\n%s\n", c.Name, c.Title(), c.Severity, strings.TrimSpace(text))
	var needs []string
	for _, k := range c.Needs {
		needs = append(needs, "`"+k.String()+"`")
	}
	fmt.Fprintf(&b, "\nReads %s.", strings.Join(needs, ", "))
	if len(c.Explains) > 0 {
		fmt.Fprintf(&b, " Can be the cause of: %s.", strings.Join(linked(c.Explains), ", "))
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(&b, " Elsewhere: %s.", strings.Join(c.Aliases, ", "))
	}
	fmt.Fprintf(&b, "\n\n## What the doctor prints\n\n```\n%s\n```\n\n[All checks](../checks.md)\n", example)
	return b.String()
}

func linked(names []string) []string {
	var links []string
	for _, n := range names {
		links = append(links, fmt.Sprintf("[%s](%s.md)", n, n))
	}
	return links
}
