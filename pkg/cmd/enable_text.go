package cmd

import (
	"fmt"
	"regexp"
)

// countOf is a number with its noun.
func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

var quotedName = regexp.MustCompile(`"[^"]*"`)

// alike is a refusal without the names of pods, which differ from try to try.
func alike(words string) string { return quotedName.ReplaceAllString(words, `""`) }
