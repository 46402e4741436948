package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit codes of every command.
const (
	exitDone   = 0 // done; findings, if any, are below --fail-on
	exitNo     = 1 // the answer is no: findings at or above --fail-on
	exitFailed = 2 // could not do it: usage, unreachable, forbidden, an unknown name, unknown checks

	exitUnseen     = 3 // written, but not seen to take effect in time
	exitRolledBack = 4 // written, failed in the middle, rolled back
)

// allExitCodes is the whole table.
const allExitCodes = `Exit codes, of which each command's help says what they mean there:
  0  done; findings, if any, are below --fail-on; a dry run
  1  the answer is no: findings; differences with --diff; a change that istiod, a safety rule or
     the owner of an object refuses, and nothing was written
  2  could not do it, and nothing was written: usage, an unknown name, unreachable, forbidden,
     interrupted, declined; or something that matters could not be looked at
  3  written, but not seen to take effect in time
  4  written, failed in the middle, rolled back`

// injectExitCodes is the part of the table for inject.
const injectExitCodes = `Exit codes:
  0  done; workloads may have been skipped
  1  istiod refuses a template; --diff or --compare with differences; --check with a workload
     that would not be injected; an object that is kept by Argo CD, Flux or the like
  2  could not do it: usage, an unknown name, broken input, unreachable, forbidden, interrupted
  4  --apply failed in the middle and was rolled back`

// exitCodes is the part of the table that the commands of today can end with,
// for their help.
const exitCodes = `Exit codes:
  0  done; findings, if any, are below --fail-on
  1  findings at or above --fail-on (default: error)
  2  could not do it: usage, an unknown name, unreachable, forbidden, interrupted;
     or nothing found, but a check of that severity is unknown (--allow-unknown makes it 0)`

// uninjectExitCodes is the part of the table for uninject.
const uninjectExitCodes = `Exit codes:
  0  done; workloads may have been skipped
  1  --diff with differences; an object that is kept by Argo CD, Flux or the like
  2  could not do it: usage, an unknown name, broken input, unreachable, forbidden, interrupted
  4  --apply failed in the middle and was rolled back`

// exitError carries the exit code that Main ends with. Err is nil when all has
// been said.
type exitError struct {
	code int
	err  error
}

// Error is what the program prints.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the error that carries the words.
func (e *exitError) Unwrap() error { return e.err }

// exitCode says an error in one line, if it has something to say, and returns
// the code to end with: 2 for every error that does not carry its own.
func exitCode(err error, name string, errOut io.Writer) int {
	if err == nil {
		return exitDone
	}
	code := exitFailed
	var exit *exitError
	if errors.As(err, &exit) {
		code, err = exit.code, exit.err
	}
	if err == nil {
		return code
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	text := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", " ")
	if !strings.Contains(text, "--help") && (strings.HasPrefix(text, "unknown flag") || strings.HasPrefix(text, "unknown shorthand flag") || strings.HasPrefix(text, "unknown command")) {
		text += fmt.Sprintf(" (see '%s --help')", name)
	}
	fmt.Fprintf(errOut, "error: %s\n", text)
	return code
}
