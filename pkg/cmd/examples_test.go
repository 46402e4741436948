package cmd

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// TestEveryCommandHasExamplesAndExitCodes holds what each command's help has.
func TestEveryCommandHasExamplesAndExitCodes(t *testing.T) {
	everyCommand(t, func(c *cobra.Command, help string) {
		if c.Name() == "help" {
			return
		}
		assert.Regexp(t, `(?m)^Examples:\n  # .+\n  .*kubectl mesh`, help, c.CommandPath())
		if c.Name() != "options" {
			assert.Regexp(t, `(?m)^Exit codes`, help, c.CommandPath())
		}
	})
}

// TestExamplesAreCommandLines parses every example with the commands
// themselves. test/e2e runs them.
func TestExamplesAreCommandLines(t *testing.T) {
	everyCommand(t, func(c *cobra.Command, _ string) {
		for _, line := range exampleLines(c.Example) {
			called := regexp.MustCompile(`kubectl mesh [^|)]*`).FindAllString(line, -1)
			assert.NotEmpty(t, called, "%s: %s", c.CommandPath(), line)
			for _, command := range called {
				parseAs(t, strings.TrimPrefix(command, "kubectl mesh "))
			}
		}
	})
}

// parseAs finds the command that a line calls, and has it parse its flags and
// arguments.
func parseAs(t *testing.T, line string) {
	t.Helper()
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	root := newRoot("kubectl mesh", streams)
	c, rest, err := root.Find(words(t, line))
	require.NoError(t, err, line)
	require.NotEqual(t, root, c, line)
	require.NoError(t, c.ParseFlags(rest), line)
	assert.NoError(t, c.ValidateArgs(c.Flags().Args()), line)
}

// exampleLines are the command lines of an example: comments left out, lines
// that go on joined.
func exampleLines(example string) []string {
	var lines []string
	for _, line := range strings.Split(strings.ReplaceAll(example, "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// words splits a line as a shell does, as far as examples need it: at blanks,
// but not between quotes.
func words(t *testing.T, line string) []string {
	t.Helper()
	var all []string
	var word strings.Builder
	var quote rune
	started := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, started = r, true
		case quote == 0 && r == ' ':
			if started {
				all = append(all, word.String())
			}
			word.Reset()
			started = false
		default:
			require.True(t, quote != 0 || !strings.ContainsRune("\\$`;&<>*", r), "%q in %s: a shell takes it for something else", r, line)
			word.WriteRune(r)
			started = true
		}
	}
	require.Zero(t, quote, line)
	if started {
		all = append(all, word.String())
	}
	return all
}
