//go:build sandbox

package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// running is a command on its way. kubectl becomes the plugin, so that a signal reaches it.
type running struct {
	*exec.Cmd
	line   string
	output buffer // stdout and stderr
	done   chan error
}

// prepared is a command in the script's folder; kubeconfig is the script's where it is empty.
func prepared(ts *testscript.TestScript, kubeconfig string, args []string) (*running, error) {
	path, err := lookPath(ts, args[0])
	if err != nil {
		return nil, err
	}
	r := &running{Cmd: exec.Command(path, args[1:]...), line: strings.Join(args, " "), done: make(chan error, 1)}
	r.Env, r.Dir = environment(ts), ts.MkAbs(".")
	if kubeconfig != "" {
		r.Env = append(r.Env, "KUBECONFIG="+kubeconfig)
	}
	r.Stdout, r.Stderr = &r.output, &r.output
	return r, nil
}

// start starts a command that prepared made.
func start(ts *testscript.TestScript, kubeconfig string, args []string) (*running, error) {
	r, err := prepared(ts, kubeconfig, args)
	if err == nil {
		err = r.begin()
	}
	return r, err
}

func (r *running) begin() error {
	if err := r.Start(); err != nil {
		return err
	}
	go func() { r.done <- r.Wait() }()
	return nil
}

// ended waits for the end and returns the exit code, -1 where a signal ended it.
func (r *running) ended(limit time.Duration) (int, error) {
	select {
	case err := <-r.done:
		r.done <- err
		return exitCode(err)
	case <-time.After(limit):
		_ = r.Process.Kill() // the error says what matters
		<-r.done
		return 0, fmt.Errorf("%s still runs after %s\n%s", r.line, limit, r.output.String())
	}
}

// signal sends one to a command that runs.
func (r *running) signal(s os.Signal) error {
	select {
	case err := <-r.done:
		r.done <- err
		return fmt.Errorf("%s ended too soon: %v\n%s", r.line, err, r.output.String())
	default:
		return r.Process.Signal(s)
	}
}

// says waits until the output holds a text.
func (r *running) says(text string) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(r.output.String(), text) {
			return nil
		}
		select {
		case err := <-r.done:
			r.done <- err
			return fmt.Errorf("%s ended without saying %q: %v\n%s", r.line, text, err, r.output.String())
		default:
		}
	}
	return errors.Join(fmt.Errorf("%s does not say %q\n%s", r.line, text, r.output.String()), r.Process.Kill())
}

// buffer can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
