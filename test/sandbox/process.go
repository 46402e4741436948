package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// reaperScript leads the sandbox's process group. Its standard input is a pipe to the process that runs the
// sandbox: when that process ends, however it ends, the read returns and the whole group is ended.
const reaperScript = `trap '' TERM INT HUP
read -r line
kill -TERM 0
sleep 2
[ -z "$1" ] || rm -rf "$1"
kill -KILL 0`

// group is the process group of one sandbox.
type group struct {
	reaper *exec.Cmd
	pipe   io.Closer
}

// newGroup starts the group's leader. A non-empty dir is removed when the group is ended without close.
func newGroup(dir string) (*group, error) {
	cmd := exec.Command("/bin/sh", "-c", reaperScript, "sandbox-reaper", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the sandbox's process group: %w", err)
	}
	return &group{reaper: cmd, pipe: pipe}, nil
}

// close kills what is left of the group, its leader included, and waits for the leader.
func (g *group) close() error {
	err := syscall.Kill(-g.reaper.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		err = nil
	}
	g.pipe.Close()
	_ = g.reaper.Wait() // it was killed just now, so that is what Wait would say
	return err
}

// process is one program that was started, with its log.
type process struct {
	name, logPath string
	cmd           *exec.Cmd
	done          chan struct{}
	waitErr       error // valid once done is closed
	stopping      sync.Once
}

type command struct {
	name    string // for messages
	bin     string
	args    []string
	env     []string // nil: this process's own
	dir     string
	logPath string
}

// start runs a command in the group; its output is appended to the log.
func (g *group) start(c command) (*process, error) {
	logFile, err := os.OpenFile(c.logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	cmd := exec.Command(c.bin, c.args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.reaper.Process.Pid}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	p := &process{name: c.name, logPath: c.logPath, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.waitErr = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// exited is nil while the process runs, and else says in one line how it ended and where its log is.
func (p *process) exited() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	how := "exit status 0"
	if p.waitErr != nil {
		how = p.waitErr.Error()
	}
	return fmt.Errorf("%s ended by itself (%s)%s: see %s", p.name, how, lastLine(p.logPath), p.logPath)
}

// exitCode is what the process ended with, as a container's status has it: 128 and the signal when one killed it. It
// is 0 while the process runs.
func (p *process) exitCode() int32 {
	if p.exited() == nil || p.cmd.ProcessState == nil {
		return 0
	}
	if w, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int32(w.Signal())
	}
	return int32(p.cmd.ProcessState.ExitCode())
}

// stop asks the process to end and kills it when it has not after grace. A paused process is killed at once.
func (p *process) stop(grace time.Duration) {
	p.stopping.Do(func() {
		if grace > 0 {
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
			select {
			case <-p.done:
				return
			case <-time.After(grace):
			}
		}
		_ = p.cmd.Process.Kill()
	})
	<-p.done
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// lastLine is the end of a log as part of a message, empty when there is none.
func lastLine(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	content = bytes.TrimSpace(content)
	line := content[bytes.LastIndexByte(content, '\n')+1:]
	const most = 300
	if len(line) > most {
		line = append(line[:most:most], "…"...)
	}
	if len(line) == 0 {
		return ""
	}
	return fmt.Sprintf(", last line %q", line)
}
