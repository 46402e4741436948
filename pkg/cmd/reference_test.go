package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/golden"
)

const reference = "../../docs/reference/"

// TestReferenceIsCurrent holds the pages of the commands, one each. The pages
// are made here and not in the program, which stays smaller by what makes them.
func TestReferenceIsCurrent(t *testing.T) {
	files := &golden.Files{}
	everyPage(t, func(c *cobra.Command) {
		var page bytes.Buffer
		require.NoError(t, doc.GenMarkdownCustom(c, &page, func(link string) string { return link }))
		name := strings.ReplaceAll(c.CommandPath(), " ", "_") + ".md"
		text := regexp.MustCompile(` +\n`).ReplaceAllString(strings.ReplaceAll(page.String(), "\t - ", ": "), "\n")
		files.Check(t, filepath.Join(reference, name), strings.TrimRight(text, "\n")+"\n")
	})
	files.Unused(t, reference+"*.md")
}

// TestManPages writes the man pages into the folder MAN_PAGES, else into one
// that is thrown away.
func TestManPages(t *testing.T) {
	dir := os.Getenv("MAN_PAGES")
	if dir == "" {
		dir = t.TempDir()
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	// The date of the sources, where the build says it, so that the same sources give the same pages.
	header := doc.GenManHeader{Section: "1", Source: "kubectl mesh", Manual: "kubectl mesh"}
	if os.Getenv("SOURCE_DATE_EPOCH") == "" {
		start := time.Unix(0, 0).UTC()
		header.Date = &start
	}
	everyPage(t, func(c *cobra.Command) {
		var page bytes.Buffer
		h := header
		require.NoError(t, doc.GenMan(c, &h, &page))
		assert.Contains(t, page.String(), ".SH EXAMPLE", c.CommandPath())
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), page.Bytes(), 0o644))
	})
}

// everyPage calls f with each command that has a page: the parents first, and
// the flags that all commands take on the first page alone.
func everyPage(t *testing.T, f func(*cobra.Command)) {
	t.Helper()
	t.Setenv("HOME", "/home/you")
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	root := newRoot("kubectl mesh", streams)
	root.DisableAutoGenTag = true
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c != root && (!c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand()) {
			return
		}
		c.Long = fenced(c.Long)
		f(c)
		if c == root {
			root.PersistentFlags().VisitAll(func(f *pflag.Flag) { f.Hidden = true })
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// fenced puts the indented lines of a text between fences, and so keeps their
// line breaks.
func fenced(text string) string {
	var b strings.Builder
	in := false
	for _, line := range strings.Split(text, "\n") {
		if indented := strings.HasPrefix(line, "  "); indented != in {
			in = indented
			if in {
				b.WriteString("\n")
			}
			b.WriteString("```\n")
		}
		b.WriteString(line + "\n")
	}
	if in {
		b.WriteString("```\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
