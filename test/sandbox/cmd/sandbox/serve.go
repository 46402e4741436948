package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// request and answer are what goes over the sandbox's control socket.
type request struct {
	Args []string `json:"args"`
}

type answer struct {
	Out   string `json:"out"`
	Error string `json:"error,omitempty"`
}

func socket(dir string) string { return filepath.Join(dir, "control.sock") }

// newServe is the process that holds a sandbox; up starts it.
func newServe(dir *string) *cobra.Command {
	cmd := &cobra.Command{Use: "serve", Short: "Run a sandbox in the foreground", Args: cobra.NoArgs, Hidden: true}
	options := sandbox.Options{}
	addStartFlags(cmd.Flags(), &options)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		options.Dir = *dir
		parent := os.NewFile(3, "progress")
		if _, err := parent.Stat(); err != nil {
			parent = os.Stderr
		}
		options.Progress = parent
		s, err := sandbox.Start(c.Context(), options)
		if err != nil {
			return err
		}
		err = errors.Join(serve(c.Context(), s, parent), s.Close())
		if err != nil {
			return err
		}
		return os.RemoveAll(*dir)
	}
	return cmd
}

// serve answers commands until one of them is down or ctx ends.
func serve(ctx context.Context, s *sandbox.Sandbox, parent *os.File) error {
	ctx, down := context.WithCancel(ctx)
	defer down()
	listener, err := net.Listen("unix", socket(s.Dir()))
	if err != nil {
		return err
	}
	var one sync.Mutex
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		var req request
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var a answer
		a.Out, err = handle(r.Context(), s, down, req.Args)
		if err != nil {
			a.Error = err.Error()
		}
		_ = json.NewEncoder(w).Encode(a) // the caller has gone: nobody to tell
	})
	server := &http.Server{Handler: handler}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.WithoutCancel(ctx)) // the process ends next
	}()
	fmt.Fprintln(parent, readyLine)
	if parent != os.Stderr {
		parent.Close()
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
