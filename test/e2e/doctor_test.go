//go:build sandbox

package e2e_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// lastReport is where the report that roots and status saw last is kept for the other commands, as the script's
// environment variable.
const lastReport = "LAST_REPORT"

// splitArgs separates a command's own arguments from doctor's, which are -A when there are none.
func splitArgs(args []string) (own, doctor []string) {
	at := slices.Index(args, "--")
	if at < 0 {
		return args, []string{"-A"}
	}
	return args[:at], args[at+1:]
}

// ask runs the doctor through kubectl and reads its report, which must be all that stands on stdout.
func (w *world) ask(ts *testscript.TestScript, args []string) (*report, error) {
	path, err := lookPath(ts, "kubectl")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, slices.Concat([]string{"mesh", "doctor", "-o", "json"}, args)...)
	var stdout, stderr strings.Builder
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = environment(ts), ts.MkAbs("."), &stdout, &stderr, time.Second
	code, err := exitCode(cmd.Run())
	if err != nil {
		return nil, err
	}
	if code != 0 && stdout.Len() == 0 {
		return nil, fmt.Errorf("exit code %d: %s", code, stderr.String())
	}
	r, err := readReport(stdout.String())
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, stdout.String())
	}
	ts.Setenv(lastReport, stdout.String())
	return r, r.contract()
}

func (w *world) roots(ts *testscript.TestScript, args []string) error {
	want, doctor := splitArgs(args)
	want = slices.Compact(slices.Sorted(slices.Values(want)))
	look := func() error {
		r, err := w.ask(ts, doctor)
		if err != nil {
			return err
		}
		var got []string
		for _, f := range r.roots() {
			got = append(got, f.Check)
		}
		got = slices.Compact(slices.Sorted(slices.Values(got)))
		if !slices.Equal(got, want) {
			return fmt.Errorf("roots are [%s], not [%s]\n%s", strings.Join(got, " "), strings.Join(want, " "), r)
		}
		return nil
	}
	return w.retry(func() error {
		if err := look(); err != nil {
			return err
		}
		// What is seen must stay: events and statuses come one after another.
		time.Sleep(settle)
		return look()
	})
}

// settle is how long a picture must stand still to count.
const settle = 1500 * time.Millisecond

func (w *world) status(ts *testscript.TestScript, args []string) error {
	own, doctor := splitArgs(args)
	if len(own) != 2 {
		return usage("status CHECK ok|found|unknown [-- ARG …]")
	}
	return w.retry(func() error {
		r, err := w.ask(ts, doctor)
		if err != nil {
			return err
		}
		for _, s := range r.Results {
			if s.Check != own[0] {
				continue
			}
			if s.Status != own[1] {
				return fmt.Errorf("%s is %s, not %s: %s\n%s", s.Check, s.Status, own[1], s.Reason, r)
			}
			return nil
		}
		return finalError{fmt.Errorf("no result of check %s", own[0])}
	})
}

// last is the report that was read last.
func last(ts *testscript.TestScript) (*report, error) { return readReport(ts.Getenv(lastReport)) }

func first(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return usage("first CHECK")
	}
	r, err := last(ts)
	if err != nil {
		return err
	}
	if len(r.Findings) == 0 || r.Findings[0].Check != args[0] {
		return fmt.Errorf("the first finding is not of %s\n%s", args[0], r)
	}
	return nil
}

func note(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return usage("note CHECK")
	}
	r, err := last(ts)
	if err != nil {
		return err
	}
	for _, f := range r.Findings {
		if f.Check == args[0] && f.Severity == "info" {
			_, err := fmt.Fprintln(ts.Stdout(), f.Message)
			return err
		}
	}
	return fmt.Errorf("no finding of %s with severity info\n%s", args[0], r)
}

// under holds that a finding of one check stands under a root of another.
func under(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return usage("under CHECK ROOT")
	}
	r, err := last(ts)
	if err != nil {
		return err
	}
	for _, root := range r.of(args[1]) {
		if slices.ContainsFunc(r.Findings, func(f finding) bool { return f.Check == args[0] && f.CausedBy == root.ID }) {
			return nil
		}
	}
	return fmt.Errorf("no finding of %s under a root of %s\n%s", args[0], args[1], r)
}

func affects(ts *testscript.TestScript, args []string) error {
	return count(ts, args, func(fs []finding) int {
		n := 0
		for _, f := range fs {
			n += f.Affects.Count
		}
		return n
	})
}

func findings(ts *testscript.TestScript, args []string) error {
	return count(ts, args, func(fs []finding) int { return len(fs) })
}

func count(ts *testscript.TestScript, args []string, of func([]finding) int) error {
	if len(args) != 2 {
		return usage("affects CHECK N, findings CHECK N")
	}
	r, err := last(ts)
	if err != nil {
		return err
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if got := of(r.of(args[0])); got != want {
		return fmt.Errorf("%d, not %d\n%s", got, want, r)
	}
	return nil
}

// healthy holds what an admin sees of a mesh that is well: no warning, nothing unknown, exit code 0.
func (w *world) healthy(ts *testscript.TestScript, args []string) error {
	if err := w.roots(ts, append([]string{"--"}, healthyArgs(args)...)); err != nil {
		return err
	}
	r, err := last(ts)
	if err != nil {
		return err
	}
	for _, s := range r.Results {
		if s.Status == "unknown" {
			return fmt.Errorf("%s is unknown: %s", s.Check, s.Reason)
		}
	}
	return ts.Exec("kubectl", append([]string{"mesh", "doctor"}, healthyArgs(args)...)...)
}

func healthyArgs(args []string) []string {
	if len(args) == 0 {
		return []string{"-A"}
	}
	return args
}
