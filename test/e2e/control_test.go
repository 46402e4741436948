//go:build sandbox

package e2e_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// control drives the sandbox.
func (w *world) control(_ *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return usage("sandbox istiod|proxies|apiserver|revision|tag ARG …")
	}
	rest := args[1:]
	switch args[0] {
	case "apiserver":
		return w.sandbox.RestartAPIServer(w.ctx, rest...)
	case "istiod":
		return w.istiod(append(rest, ""))
	case "proxies":
		return w.proxies(rest)
	case "revision":
		if len(rest) > 0 {
			return w.sandbox.InstallRevision(w.ctx, rest[0], rest[1:]...)
		}
	case "tag":
		if len(rest) == 2 {
			return w.sandbox.SetTag(w.ctx, rest[0], rest[1])
		}
	}
	return fmt.Errorf("sandbox: cannot %s", strings.Join(args, " "))
}

// istiod is control's "istiod ACTION [REVISION]"; args end with an empty revision.
func (w *world) istiod(args []string) error {
	s, revision := w.sandbox, args[min(1, len(args)-1)]
	switch args[0] {
	case "stop":
		return s.StopIstiod(w.ctx, revision)
	case "start":
		return s.StartIstiod(w.ctx, revision)
	case "pause":
		return s.PauseIstiod(w.ctx, revision)
	case "resume":
		return s.ResumeIstiod(w.ctx, revision)
	case "unready":
		return s.FailReadiness(w.ctx, revision, true)
	case "ready":
		return s.FailReadiness(w.ctx, revision, false)
	}
	return fmt.Errorf("istiod: cannot %q", args[0])
}

// user makes a user with a ClusterRole, everywhere or in one namespace.
func (w *world) user(ts *testscript.TestScript, args []string) error {
	var access []sandbox.Access
	switch len(args) {
	case 1:
	case 2:
		access = []sandbox.Access{{ClusterRole: args[1]}}
	case 3:
		access = []sandbox.Access{{ClusterRole: args[1], Namespace: args[2]}}
	default:
		return usage("user NAME [ROLE [NS]]")
	}
	path, err := w.sandbox.User(w.ctx, args[0], access...)
	if err != nil {
		return err
	}
	ts.Setenv(args[0], path)
	return nil
}

// inModule is a folder of a module that go.mod names, in the module cache; empty where Go does not know it.
func inModule(module string, folder ...string) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{strings.TrimSpace(string(out))}, folder...)...)
}
