//go:build sandbox

package e2e_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// fix does what the last report says about a check's roots: commands are run as printed, words are printed. What
// words ask for is done, at the first of them, by the command behind --.
func (w *world) fix(ts *testscript.TestScript, args []string) error {
	var byHand []string
	if at := slices.Index(args, "--"); at >= 0 {
		args, byHand = args[:at], args[at+1:]
	}
	if len(args) != 1 {
		return usage("fix CHECK [-- COMMAND ARG …]")
	}
	r, err := last(ts)
	if err != nil {
		return err
	}
	found := r.of(args[0])
	if len(found) == 0 {
		return fmt.Errorf("no root of %s to fix\n%s", args[0], r)
	}
	for _, f := range found {
		for _, s := range f.Fix {
			if s.Say != "" {
				fmt.Fprintf(ts.Stdout(), "say: %s\n", s.Say)
			}
			if s.Run == "" && len(byHand) > 0 {
				if err := w.byHand(ts, byHand); err != nil {
					return err
				}
				byHand = nil
			}
			if s.Run == "" {
				continue
			}
			fmt.Fprintf(ts.Stdout(), "run: %s\n", s.Run)
			out, err := w.shell(ts, s.Run)
			if err != nil {
				return err
			}
			fmt.Fprint(ts.Stdout(), out)
		}
	}
	if len(byHand) > 0 {
		return fmt.Errorf("no step asks for what %q does\n%+v", strings.Join(byHand, " "), found[0].Fix)
	}
	return nil
}

// byHand does what a manual step asks for.
func (w *world) byHand(ts *testscript.TestScript, args []string) error {
	if args[0] == "sandbox" {
		return w.control(ts, args[1:])
	}
	return ts.Exec(args[0], args[1:]...)
}
