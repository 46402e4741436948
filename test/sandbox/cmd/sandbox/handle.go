package main

import (
	"context"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// handle carries out one command in the sandbox's process and returns what to print.
func handle(ctx context.Context, s *sandbox.Sandbox, down func(), args []string) (string, error) {
	if len(args) == 0 {
		return "", fmt.Errorf("no command")
	}
	rest := args[1:]
	switch args[0] {
	case "status":
		return usage(s), s.Err()
	case "down":
		down()
		return "", nil
	case "reset":
		return "", s.Reset(ctx)
	case "apiserver":
		return "", s.RestartAPIServer(ctx, rest...)
	case "install":
		return "", s.IstioctlInstall(ctx, rest...)
	case "revision":
		return "", s.InstallRevision(ctx, rest[0], rest[1:]...)
	case "user":
		return user(ctx, s, rest)
	case "istiod":
		return "", istiod(ctx, s, rest)
	case "proxies":
		return s.ProxyCommand(ctx, rest...)
	}
	return "", fmt.Errorf("unknown command %q", args[0])
}

func user(ctx context.Context, s *sandbox.Sandbox, args []string) (string, error) {
	var access []sandbox.Access
	if len(args) > 1 {
		a := sandbox.Access{ClusterRole: args[1]}
		if len(args) > 2 {
			a.Namespace = args[2]
		}
		access = append(access, a)
	}
	path, err := s.User(ctx, args[0], access...)
	if err != nil {
		return "", err
	}
	return path + "\n", nil
}

func istiod(ctx context.Context, s *sandbox.Sandbox, args []string) error {
	revision := ""
	if len(args) > 1 {
		revision = args[1]
	}
	switch args[0] {
	case "stop":
		return s.StopIstiod(ctx, revision)
	case "start":
		return s.StartIstiod(ctx, revision)
	case "pause":
		return s.PauseIstiod(ctx, revision)
	case "resume":
		return s.ResumeIstiod(ctx, revision)
	case "unready":
		return s.FailReadiness(ctx, revision, true)
	case "ready":
		return s.FailReadiness(ctx, revision, false)
	}
	return fmt.Errorf("istiod: %q is none of stop, start, pause, resume, unready, ready", args[0])
}

// usage are lines for a shell: eval "$(sandbox status)".
func usage(s *sandbox.Sandbox) string {
	return fmt.Sprintf("export KUBECONFIG=%s\nexport PATH=%s:$PATH\n# logs: %s\n", s.Kubeconfig(), s.BinDir(), s.LogDir())
}
