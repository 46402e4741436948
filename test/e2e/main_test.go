//go:build sandbox

// Package e2e_test runs whole commands, "kubectl mesh doctor …" through a real kubectl, on a real control plane
// (test/sandbox). A scenario is a script in testdata: it breaks the mesh for real, asks the doctor, runs the fix that
// the doctor prints, and looks again. See headers_test.go for what a script is and commands_test.go for its commands.
package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// shortFlag asks for one scenario of every family: go test -tags sandbox ./test/e2e -args -short-scenarios
const shortFlag = "short-scenarios"

func TestMain(m *testing.M) {
	flag.Bool(shortFlag, false, "run one scenario of every family")
	flag.Parse()
	os.Exit(m.Run())
}

// TestScripts runs every script, one after another: they share a cluster, which goes back to its baseline in between.
func TestScripts(t *testing.T) {
	scripts := findScripts(t)
	if flag.Lookup(shortFlag).Value.String() == "true" {
		scripts = shortOnes(scripts)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	w := startWorld(t, ctx)
	for _, folder := range folders() {
		t.Run(folder, func(t *testing.T) {
			for _, s := range scripts {
				if s.folder == folder {
					w.run(t, s)
				}
			}
		})
	}
}

// world is what the scripts run in.
type world struct {
	ctx     context.Context
	sandbox *sandbox.Sandbox
	bin     string // folder of the plugin
	kubectl string // folder of another kubectl than the sandbox's; empty: the sandbox's
	dirty   bool   // the cluster is no longer the baseline
}

func startWorld(t *testing.T, ctx context.Context) *world {
	t.Helper()
	w := &world{ctx: ctx, bin: plugin(t, ctx)}
	s, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.sandbox = s
	return w
}

// plugin is the folder that holds kubectl-mesh: that of KUBECTL_MESH_BIN, or a new one with a fresh build.
func plugin(t *testing.T, ctx context.Context) string {
	t.Helper()
	if path := os.Getenv("KUBECTL_MESH_BIN"); path != "" {
		if _, err := os.Stat(path); err != nil || filepath.Base(path) != "kubectl-mesh" {
			t.Fatalf("KUBECTL_MESH_BIN=%s is no file named kubectl-mesh: %v", path, err)
		}
		dir, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := t.TempDir()
	began := time.Now()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "kubectl-mesh"), "./cmd/kubectl-mesh")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building kubectl-mesh: %v\n%s", err, out)
	}
	fmt.Printf("built kubectl-mesh in %s\n", since(began))
	return dir
}

func since(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Millisecond) }
