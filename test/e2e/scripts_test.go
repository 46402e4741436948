//go:build sandbox

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func shortOnes(all []script) []script {
	return slices.DeleteFunc(slices.Clone(all), func(s script) bool { return !s.short })
}

// run runs one script on the cluster's baseline and prints how long it took.
func (w *world) run(t *testing.T, s script) {
	name := strings.TrimSuffix(filepath.Base(s.file), ".txtar")
	t.Run(name, func(t *testing.T) {
		began := time.Now()
		w.baseline(t)
		ready := since(began)
		w.dirty = !s.untouched
		defer func() {
			verdict := "ok  "
			if t.Failed() {
				verdict = "FAIL"
			}
			fmt.Printf("%s %s/%s %s (baseline %s)\n", verdict, s.folder, name, since(began), ready)
		}()
		deadline, _ := t.Deadline()
		testscript.RunT(oneByOne{t}, testscript.Params{
			Files:              []string{s.file},
			RequireUniqueNames: true,
			Setup:              w.setup,
			Cmds:               w.commands(),
			Deadline:           deadline,
		})
	})
}

// baseline takes the cluster back to where every script begins.
func (w *world) baseline(t *testing.T) {
	t.Helper()
	require.NoError(t, w.ctx.Err(), "interrupted")
	if !w.dirty {
		return
	}
	require.NoError(t, w.sandbox.Reset(w.ctx))
}

// setup gives a script what a user's shell has: kubectl with the plugin, istioctl, bash and a kubeconfig of its own,
// which it may change.
func (w *world) setup(e *testscript.Env) error {
	config, err := os.ReadFile(w.sandbox.Kubeconfig())
	if err != nil {
		return err
	}
	home := filepath.Join(e.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	path := filepath.Join(home, "config")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return err
	}
	e.Setenv("HOME", home)
	e.Setenv("KUBECONFIG", path)
	e.Setenv("ADMIN", path)
	dirs := []string{w.bin, w.sandbox.BinDir(), os.Getenv("PATH")}
	if w.kubectl != "" {
		dirs = append([]string{w.kubectl}, dirs...)
	}
	e.Setenv("PATH", strings.Join(dirs, string(os.PathListSeparator)))
	e.Setenv("SAMPLES", inModule("istio.io/istio", "samples"))
	e.Setenv("GATEWAY_API", inModule("sigs.k8s.io/gateway-api", "config", "crd", "standard"))
	return nil
}

// oneByOne is a testing.T for testscript that runs its one script in place: not beside others, not under a name of
// its own.
type oneByOne struct{ *testing.T }

func (oneByOne) Parallel()                            {}
func (t oneByOne) Verbose() bool                      { return testing.Verbose() }
func (t oneByOne) Run(_ string, f func(testscript.T)) { f(t) }
