package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// marker is the file by which a folder is known to be a sandbox's, and may be removed.
const marker = "sandbox.marker"

// readyLine ends what a starting server says to the process that started it.
const readyLine = "ready."

// addStartFlags are the flags of up and of the server that it starts.
func addStartFlags(flags *pflag.FlagSet, o *sandbox.Options) {
	flags.BoolVar(&o.NoIstio, "no-istio", false, "an empty cluster")
	flags.StringArrayVar(&o.Istio, "set", nil, "a value of the installation, as istioctl takes it")
	flags.StringArrayVar(&o.APIServerFlags, "api-server-flag", nil, "a flag of kube-apiserver")
	flags.BoolVar(&o.MirrorAPIServer, "mirror-api-server", false, "show kube-apiserver as a static pod")
	flags.BoolVar(&o.Proxies, "proxies", false, "play the pods' Envoys from the start")
	flags.IntVar(&o.Nodes, "nodes", 1, "number of nodes")
}

func newUp(dir *string) *cobra.Command {
	cmd := &cobra.Command{Use: "up", Short: "Start a sandbox in the background and print how to use it", Args: cobra.NoArgs}
	addStartFlags(cmd.Flags(), &sandbox.Options{})
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if out, err := send(c.Context(), *dir, "status"); err == nil {
			fmt.Fprint(c.OutOrStdout(), out)
			return nil
		}
		if _, err := sandbox.Build(c.Context(), c.ErrOrStderr()); err != nil {
			return err
		}
		if err := emptyDir(*dir); err != nil {
			return err
		}
		args := []string{"serve", "--dir", *dir}
		c.Flags().Visit(func(f *pflag.Flag) {
			if f.Name == "dir" {
				return
			}
			if list, ok := f.Value.(pflag.SliceValue); ok {
				for _, v := range list.GetSlice() {
					args = append(args, "--"+f.Name+"="+v)
				}
				return
			}
			args = append(args, "--"+f.Name+"="+f.Value.String())
		})
		if err := startServer(c.Context(), *dir, args, c.ErrOrStderr()); err != nil {
			return err
		}
		out, err := send(c.Context(), *dir, "status")
		if err != nil {
			return err
		}
		fmt.Fprint(c.OutOrStdout(), out)
		return nil
	}
	return cmd
}

// emptyDir makes the sandbox's folder anew; a folder that is none of ours is left alone.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil && len(entries) > 0 {
		return fmt.Errorf("%s holds other files: give another --dir", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o644)
}

// startServer starts this program again in a session of its own and passes on what it says until it is ready.
func startServer(ctx context.Context, dir string, args []string, progress io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	logPath := filepath.Join(dir, "sandbox.log")
	logFile, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer logFile.Close()
	said, says, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	server := exec.Command(self, args...)
	server.Stdout, server.Stderr = logFile, logFile
	server.ExtraFiles = []*os.File{says}
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return err
	}
	says.Close()
	stop := context.AfterFunc(ctx, func() { _ = server.Process.Signal(syscall.SIGTERM) }) // it may have ended already
	defer stop()
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if lines.Text() == readyLine {
			return server.Process.Release()
		}
		fmt.Fprintln(progress, lines.Text())
	}
	_ = server.Wait() // why it ended stands in its log
	content, err := os.ReadFile(logPath)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("interrupted, the sandbox is ended")
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return errors.New(strings.TrimPrefix(all[len(all)-1], "sandbox: "))
}
