package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const parentEnv = "SANDBOX_TEST_PARENT_DIR"

func shell(dir, script string) command {
	return command{name: "sh", bin: "/bin/sh", args: []string{"-c", script}, logPath: filepath.Join(dir, "sh.log")}
}

func TestACrashedPartSaysWhereItsLogIs(t *testing.T) {
	dir := t.TempDir()
	g, err := newGroup("")
	require.NoError(t, err)
	defer g.close()
	p, err := g.start(shell(dir, "echo first; echo 'bind: address already in use'; exit 3"))
	require.NoError(t, err)
	<-p.done
	require.EqualError(t, p.exited(), `sh ended by itself (exit status 3), last line "bind: address already in use": see `+p.logPath)
	require.EqualValues(t, 3, p.exitCode())
}

func TestAMissingProgramIsOneLine(t *testing.T) {
	g, err := newGroup("")
	require.NoError(t, err)
	defer g.close()
	_, err = g.start(command{name: "etcd", bin: "/nowhere/etcd", logPath: filepath.Join(t.TempDir(), "etcd.log")})
	require.EqualError(t, err, "starting etcd: fork/exec /nowhere/etcd: no such file or directory")
}

func TestAProcessThatDoesNotListenIsKilled(t *testing.T) {
	g, err := newGroup("")
	require.NoError(t, err)
	defer g.close()
	p, err := g.start(shell(t.TempDir(), "trap '' TERM; echo up; while :; do sleep 1; done"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return lastLine(p.logPath) != "" }, 5*time.Second, 10*time.Millisecond)
	p.stop(50 * time.Millisecond)
	require.ErrorContains(t, p.exited(), "signal: killed")
	require.EqualValues(t, 137, p.exitCode())
}

// TestParent is no test: it is the process that TestAKilledParentLeavesNothing kills.
func TestParent(t *testing.T) {
	dir := os.Getenv(parentEnv)
	if dir == "" {
		t.Skip("only run by TestAKilledParentLeavesNothing")
	}
	g, err := newGroup(dir)
	require.NoError(t, err)
	p, err := g.start(shell(dir, "trap '' TERM; while :; do sleep 1; done"))
	require.NoError(t, err)
	fmt.Printf("pids %d %d\n", g.reaper.Process.Pid, p.cmd.Process.Pid)
	select {}
}

func TestAKilledParentLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sandbox")
	require.NoError(t, os.Mkdir(dir, 0o755))
	parent := exec.Command(os.Args[0], "-test.run=^TestParent$", "-test.v")
	parent.Env = append(os.Environ(), parentEnv+"="+dir)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) == 0 && lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "pids ")
		for _, field := range strings.Fields(rest) {
			pid, err := strconv.Atoi(field)
			if ok && err == nil {
				pids = append(pids, pid)
			}
		}
	}
	require.Len(t, pids, 2)

	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()

	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err) && ended(pids[0]) && ended(pids[1])
	}, 20*time.Second, 50*time.Millisecond)
}

// ended tells whether a process is gone, or waits only to be collected by whoever inherited it.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}
