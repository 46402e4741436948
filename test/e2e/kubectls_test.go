//go:build sandbox

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// aboutKubectl are the scripts whose outcome depends on kubectl itself: how it finds the plugin, passes flags on, hands
// exit codes back and completes words.
func aboutKubectl() []string { return []string{"exit-codes", "connection-flags", "completion"} }

// TestKubectls runs these scripts with each kubectl that KUBECTLS names, and prints its version. Without any, it is
// skipped: "make kubectl-matrix" finds those of the machine.
func TestKubectls(t *testing.T) {
	paths := strings.Fields(os.Getenv("KUBECTLS"))
	if len(paths) == 0 {
		t.Skip("KUBECTLS names no kubectl")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	w := startWorld(t, ctx)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			out, err := exec.CommandContext(ctx, path, "version", "--client", "-o", "json").Output()
			require.NoError(t, err)
			var is struct {
				ClientVersion struct{ GitVersion string } `json:"clientVersion"`
			}
			require.NoError(t, json.Unmarshal(out, &is))
			fmt.Printf("%s: %s\n", path, is.ClientVersion.GitVersion)
			dir := t.TempDir()
			require.NoError(t, os.Symlink(path, filepath.Join(dir, "kubectl")))
			w.kubectl = dir
			for _, s := range findScripts(t) {
				if s.folder == "cli" && slices.Contains(aboutKubectl(), strings.TrimSuffix(filepath.Base(s.file), ".txtar")) {
					w.run(t, s)
				}
			}
		})
	}
}
