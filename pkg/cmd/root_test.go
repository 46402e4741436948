package cmd

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestNameIsThatOfTheFile(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/bin/kubectl-mesh":    "kubectl mesh",
		"kubectl-istio_doctor.exe": "kubectl istio-doctor",
		"./mesh":                   "mesh",
	} {
		assert.Equal(t, want, displayName(path), path)
	}
}

// everyCommand calls f with each command and what it prints for --help.
func everyCommand(t *testing.T, f func(c *cobra.Command, help string)) {
	t.Helper()
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		streams, _, out, _ := genericiooptions.NewTestIOStreams()
		root := newRoot("kubectl mesh", streams)
		root.SetArgs(append(path, "--help"))
		assert.NoError(t, root.Execute())
		f(c, out.String())
		for _, sub := range c.Commands() {
			walk(sub, append(append([]string(nil), path...), sub.Name()))
		}
	}
	walk(newRoot("kubectl mesh", streams), nil)
}

func TestHelpSaysKubectlMeshAndFitsTheScreen(t *testing.T) {
	everyCommand(t, func(c *cobra.Command, help string) {
		assert.NotContains(t, help, "kubectl-mesh", c.CommandPath())
		for _, line := range strings.Split(help, "\n") {
			assert.LessOrEqual(t, len(line), 100, "%s: %s", c.CommandPath(), line)
		}
	})
}

func TestConnectionFlagsGoIntoPrintedCommands(t *testing.T) {
	f := genericclioptions.NewConfigFlags(true)
	assert.Equal(t, "", connectFlags(f))
	*f.Context, *f.KubeConfig = "kind demo's", "/tmp/kc"
	assert.Equal(t, `--kubeconfig /tmp/kc --context 'kind demo'\''s'`, connectFlags(f))
}

// TestFlagTextsFollowKubectl holds kubectl's conventions for the texts of flags
// (kubernetes/community, contributors/devel/sig-cli/kubectl-conventions.md).
func TestFlagTextsFollowKubectl(t *testing.T) {
	everyCommand(t, func(c *cobra.Command, _ string) {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return // cobra's own
			}
			assert.Regexp(t, `^[A-Z0-9].*([^.]|\.\.\.)$`, f.Usage, "%s --%s: begin with a capital, and end without a full stop", c.CommandPath(), f.Name)
			assert.NotContains(t, f.Name, "_", c.CommandPath())
		})
	})
}
