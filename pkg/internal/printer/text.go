package printer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Clean makes text from a cluster safe for a terminal and for one line:
// control characters, among them the escape that starts terminal sequences,
// are shown as ^X or U+XXXX, and line breaks become spaces.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r < 0x20 || r == 0x7f:
			b.WriteByte('^')
			b.WriteRune(r ^ 0x40)
		case unsafeRune(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafeRune holds for control characters of both kinds and for those that
// turn the direction of text around.
func unsafeRune(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// wrap breaks text into lines of at most width columns, between words. A word
// that is longer stays whole: it may be a value to copy.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// workloads says how many workloads are hit and where: "3 workloads in 2
// namespaces", and names a single one.
func workloads(refs []mesh.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	var names []string
	kinds := map[string]bool{}
	for _, r := range refs {
		names = append(names, r.Namespace)
		kinds[r.Kind] = true
	}
	slices.Sort(names)
	names = slices.Compact(names)
	noun := "workloads"
	if len(kinds) == 1 {
		noun = refs[0].Kind + "s"
	}
	if len(names) == 1 {
		return fmt.Sprintf("%s %s in namespace %s", thousands(len(refs)), noun, names[0])
	}
	return fmt.Sprintf("%s %s in %s namespaces", thousands(len(refs)), noun, thousands(len(names)))
}

// thousands writes a number with commas: 1,600.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}
