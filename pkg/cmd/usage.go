package cmd

import (
	"bytes"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// fixUsage makes help say "kubectl mesh" everywhere: kubectl's templates print
// the command's file name in their last line
// (k8s.io/kubectl v0.35.0, pkg/util/templates/templater.go).
func fixUsage(root *cobra.Command, name string) {
	file := root.Name()
	if file == name {
		return
	}
	rename := func(text string) string { return strings.ReplaceAll(text, file, name) }
	usage, help := root.UsageFunc(), root.HelpFunc()
	root.SetUsageFunc(func(c *cobra.Command) error {
		return rewritten(c, rename, func() error { return usage(c) })
	})
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		_ = rewritten(c, rename, func() error { help(c, args); return nil })
	})
}

// rewritten runs print with the command's output caught, and writes it
// through change.
func rewritten(c *cobra.Command, change func(string) string, print func() error) error {
	out, errOut := c.OutOrStdout(), c.ErrOrStderr()
	var text bytes.Buffer
	c.SetOut(&text)
	c.SetErr(&text)
	err := print()
	c.SetOut(out)
	c.SetErr(errOut)
	if _, werr := io.WriteString(out, change(text.String())); err == nil {
		err = werr
	}
	return err
}
