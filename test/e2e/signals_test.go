//go:build sandbox

package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// interrupted sends Ctrl-C to a running command. Its output is what a following stdout or stderr looks at.
func interrupted(ts *testscript.TestScript, args []string) error {
	return signalled(ts, syscall.SIGINT, 2, args)
}

// killed is interrupted with kill -9.
func killed(ts *testscript.TestScript, args []string) error {
	return signalled(ts, syscall.SIGKILL, -1, args)
}

func signalled(ts *testscript.TestScript, s os.Signal, code int, args []string) (err error) {
	if len(args) < 2 {
		return usage("interrupted|killed AFTER|says:TEXT [code:N] [within:DURATION] COMMAND ARG …")
	}
	moment, limit := args[0], time.Second
	for args = args[1:]; len(args) > 0; args = args[1:] {
		if text, ok := strings.CutPrefix(args[0], "code:"); ok {
			code, err = strconv.Atoi(text)
		} else if text, ok := strings.CutPrefix(args[0], "within:"); ok {
			limit, err = time.ParseDuration(text)
		} else {
			break
		}
		if err != nil {
			return err
		}
	}
	r, err := prepared(ts, "", args)
	if err != nil {
		return err
	}
	r.Stdout, r.Stderr = io.MultiWriter(ts.Stdout(), &r.output), io.MultiWriter(ts.Stderr(), &r.output)
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.reaches(moment); err != nil {
		return err
	}
	if err := r.signal(s); err != nil {
		return err
	}
	got, err := r.ended(limit)
	if err == nil && got != code {
		err = fmt.Errorf("exit code %d, not %d", got, code)
	}
	return err
}

// reaches waits for a moment of a command that runs: a time after its start, or a text that it says.
func (r *running) reaches(moment string) error {
	if text, ok := strings.CutPrefix(moment, "says:"); ok {
		return r.says(text)
	}
	after, err := time.ParseDuration(moment)
	if err != nil {
		return errors.Join(err, r.Process.Kill())
	}
	time.Sleep(after)
	return nil
}
