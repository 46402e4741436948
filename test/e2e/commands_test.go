//go:build sandbox

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long controllers, istiod and the doctor have together until something must be seen.
const patience = 45 * time.Second

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are what scripts have beside testscript's own.
//
//	namespace NAME [LABEL=VALUE …]          makes a namespace
//	deployment NS/NAME [LABEL=VALUE …]      makes a Deployment whose pods have these labels; @KEY=VALUE annotates them,
//	                                        replicas:N says how many
//	apply FILE …                            kubectl apply -f of files of the script
//	meshed NS/NAME …                        the Deployment is rolled out and every pod has the sidecar
//	up NS/NAME …                            the Deployment is rolled out and no pod has the sidecar
//	injected NS [LABEL=VALUE …]             a pod created now would carry the sidecar; rev:NAME that of a revision,
//	                                        like:TYPE/NAME it is the pod of that workload
//	bare NS …, refused NS PATTERN …         as injected: it would come up without; it would be refused with these words
//	roots [CHECK …] [-- ARG …]              doctor (-A, or ARGs) finds exactly these root causes above info
//	first CHECK, note CHECK                 the last report begins with it; has it as info
//	under CHECK ROOT                        the last report folds a finding of CHECK under a root of ROOT
//	affects CHECK N, findings CHECK N       of the roots in the last report
//	fix CHECK [-- COMMAND …]                runs the fix that the last report prints, and prints every step; COMMAND does
//	                                        what a step says that no command can do
//	healthy [ARG …]                         doctor (-A, or ARGs) has no root above info, nothing is unknown, code 0
//	status CHECK ok|found|unknown [-- ARG …]
//	exits CODE [within:DURATION] COMMAND …  ends with that exit code, in that time
//	interrupted AFTER [code:N] [within:DURATION] COMMAND …
//	                                        gets Ctrl-C after that time, or once it says:TEXT, and ends within a second,
//	                                        with code 2
//	killed AFTER COMMAND …                  as interrupted, with kill -9
//	eventually COMMAND …                    succeeds in the end
//	examples                                runs the examples in every command's help
//	sandbox istiod stop|start|pause|resume|unready|ready [REVISION], sandbox apiserver FLAG …,
//	sandbox revision NAME [SET …], sandbox tag NAME REVISION
//	user NAME [ROLE [NS]]                   makes a user; its kubeconfig is $NAME
//	proxy MODE [ARG …]                      puts a bad proxy before the API server, see proxy_test.go
//	boundaries … -- COMMAND …               disturbs a command at each of its writes, see boundaries_test.go
//	rights FILE … -- COMMAND …              takes each right away that a command needs, see rights_test.go
//	tutorials NAMESPACE                     compares docs/tutorials.md's commands with its YAML, see tutorials_test.go
//	together … -- COMMAND … -- COMMAND …    runs two commands at once, again and again, see together_test.go
func (w *world) commands() map[string]command {
	return map[string]command{
		"namespace": must(w.namespace), "deployment": must(w.deployment), "apply": must(w.apply),
		"meshed": must(w.meshed), "up": must(w.up),
		"injected": must(w.injected), "bare": must(w.bare), "refused": must(w.refused),
		"roots": must(w.roots), "first": must(first), "note": must(note), "under": must(under), "affects": must(affects), "findings": must(findings),
		"fix": must(w.fix), "healthy": must(w.healthy), "status": must(w.status),
		"exits": must(exits), "interrupted": must(interrupted), "killed": must(killed), "eventually": must(w.eventually),
		"examples": must(w.examples), "sandbox": must(w.control), "user": must(w.user), "proxy": must(w.proxy),
		"boundaries": must(w.boundaries), "together": must(w.together), "tutorials": must(w.tutorials), "rights": must(w.rights),
	}
}

// must makes a command of a function that returns what is wrong. None of them can be negated.
func must(f func(ts *testscript.TestScript, args []string) error) command {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		ts.Check(f(ts, args))
	}
}

// retry asks until done gives no error, every time anew, and returns the last error when patience ends.
func (w *world) retry(done func() error) error {
	end := time.Now().Add(patience)
	for {
		err := done()
		var final finalError
		if err == nil || errors.As(err, &final) || time.Now().After(end) || w.ctx.Err() != nil {
			return err
		}
		select {
		case <-w.ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// finalError is one that no waiting heals.
type finalError struct{ error }

func usage(words string) error { return fmt.Errorf("usage: %s", words) }

func (w *world) eventually(ts *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return usage("eventually COMMAND ARG …")
	}
	return w.retry(func() error { return ts.Exec(args[0], args[1:]...) })
}

// exits runs a command and holds its exit code and the time it took.
func exits(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return usage("exits CODE [within:DURATION] COMMAND ARG …")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	limit := time.Minute
	rest := args[1:]
	if text, ok := strings.CutPrefix(rest[0], "within:"); ok {
		if limit, err = time.ParseDuration(text); err != nil {
			return err
		}
		rest = rest[1:]
	}
	began := time.Now()
	code, err := exitCode(ts.Exec(rest[0], rest[1:]...))
	if err != nil {
		return err
	}
	if code != want {
		return fmt.Errorf("exit code %d, not %d", code, want)
	}
	if took := time.Since(began); took > limit {
		return fmt.Errorf("took %s, longer than %s", took, limit)
	}
	return nil
}

// exitCode is the code that a command ended with; an error of another kind stays one.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// environment is that of the script, as far as commands need it.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "KUBECONFIG", "TMPDIR", "NO_COLOR"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func lookPath(ts *testscript.TestScript, name string) (string, error) {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not in PATH", name)
}

// shell runs a line as a user would paste it.
func (w *world) shell(ts *testscript.TestScript, line string) (string, error) {
	ctx, cancel := context.WithTimeout(w.ctx, 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Env = environment(ts)
	cmd.Dir = ts.MkAbs(".")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s\n%s%w", line, out, err)
	}
	return string(out), nil
}

// bash runs a script that stands in the script's folder, up to its first command that fails.
func (w *world) bash(ts *testscript.TestScript, script string) error {
	text, err := os.ReadFile(ts.MkAbs(script))
	if err != nil {
		return err
	}
	_, err = w.shell(ts, "set -e\n"+string(text))
	return err
}

func match(pattern, text string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return finalError{err}
	}
	if !re.MatchString(text) {
		return fmt.Errorf("no match for %q in: %s", pattern, text)
	}
	return nil
}
