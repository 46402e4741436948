package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func newCompletion(name string, streams genericiooptions.IOStreams) *cobra.Command {
	c := &cobra.Command{
		Use:                   "completion bash|zsh|fish|powershell",
		DisableFlagsInUseLine: true,
		Short:                 "Complete words of this command with TAB",
		Long: `Print the shell code that completes the words of this program where it is called by its
file's name.

kubectl completes the words of its plugins itself, once 'completion install' has put a link
beside the plugin, and where kubectl's own completion is set up (see 'kubectl completion -h').

Names come from the cluster, which has 200 ms to answer; after that there are none.

Exit codes:
  0  done
  2  could not do it: usage`,
		Example: examples(name, `
			# Have kubectl complete what stands behind "%[1]s"
			%[1]s completion install

			# Where the program is called by its file's name, in this shell
			source <(%[1]s completion bash)`),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      exactlyOne("a shell: bash, zsh, fish or powershell"),
		RunE: func(c *cobra.Command, args []string) error {
			return completionScript(c.Root(), args[0], streams.Out)
		},
	}
	c.AddCommand(newCompletionInstall(name, streams))
	return c
}

func completionScript(root *cobra.Command, shell string, out io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	}
	return fmt.Errorf("no completion for %q: use bash, zsh, fish or powershell", shell)
}

func newCompletionInstall(name string, streams genericiooptions.IOStreams) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:                   "install [--dir DIRECTORY]",
		DisableFlagsInUseLine: true,
		Short:                 "Have kubectl complete what stands behind this command",
		Long: `Put a link to this program beside it, under the name that kubectl looks for when it
completes the words behind a plugin (kubectl 1.26 and later). The link stays right when the
plugin is upgraded in its place. What is there under that name and is something else is left
alone.

Exit codes:
  0  the link is there
  2  could not do it: usage, no right to write there, something else is there`,
		Example: examples(name, `
			# Beside the program, or in the bin folder of krew where krew installed it
			%[1]s completion install

			# In another folder of PATH
			%[1]s completion install --dir ~/bin`),
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := newCompletionLink(processPath(), dir)
			if err != nil {
				return err
			}
			return l.install(streams)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "Folder to put the link into (default: that of this program)")
	return c
}

// errNoPlugin is what is wrong with a program that kubectl would not find.
func errNoPlugin(base string) error {
	return errors.New("this program was started as " + strings.TrimSpace(base) + ", and kubectl only finds plugins whose names begin with kubectl-")
}
