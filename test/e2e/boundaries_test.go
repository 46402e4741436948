//go:build sandbox

package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// boundaries is a command that writes several objects and is disturbed at each of its writes, once before the API
// server has the write and once before the command has the answer.
type boundaries struct {
	*world
	place
	meanwhile  string // "kill", "interrupt", or the script of somebody else
	command    []string
	gate       *gate
	kubeconfig string // behind the gate
	from, to   routing
	legal      []routing // with somebody else's writes: without ours, ours after, ours before
}

// boundaries is the command
//
//	boundaries kill|interrupt|SCRIPT [ns:NAMESPACE] [svc:SERVICE] begin:SCRIPT -- COMMAND …
//
// It holds each write that COMMAND sends, in a loop that ends with the last of them, and meanwhile kills the command,
// sends it Ctrl-C, or runs the script of somebody else who writes. At every moment no rule names a version that is not
// there; after a kill, undo takes back or finishes what was begun; what somebody else wrote stays, and what is there in
// the end is what would be there had the two come one after the other.
func (w *world) boundaries(ts *testscript.TestScript, args []string) error {
	at := slices.Index(args, "--")
	if at < 1 || at == len(args)-1 {
		return usage("boundaries kill|interrupt|SCRIPT [ns:NAMESPACE] [svc:SERVICE] begin:SCRIPT -- COMMAND …")
	}
	o := parseOptions(args[1:at])
	b := &boundaries{world: w, place: placeOf(ts, o), meanwhile: args[0], command: args[at+1:], gate: &gate{}}
	var err error
	if b.kubeconfig, err = w.before(ts, b.gate.before); err != nil {
		return err
	}
	writes, err := b.undisturbed()
	if err != nil {
		return err
	}
	for nth := 1; nth <= writes; nth++ {
		for _, answered := range []bool{false, true} {
			for _, recovery := range b.recoveries() {
				if err := b.at(nth, answered, recovery); err != nil {
					when := map[bool]string{false: "before", true: "after"}[answered]
					return fmt.Errorf("write %d of %d, %s %s it, %s: %w", nth, writes, b.meanwhile, when, strings.Join(recovery, " "), err)
				}
			}
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d writes\n", writes)
	return nil
}

// undisturbed carries the command out and counts its writes.
func (b *boundaries) undisturbed() (int, error) {
	if err := b.restart(); err != nil {
		return 0, err
	}
	b.gate.arm(0, false)
	if _, _, err := b.finished(0, 0); err != nil {
		return 0, err
	}
	writes := b.gate.writes()
	if writes < 3 {
		return 0, fmt.Errorf("%s writes %d times only", strings.Join(b.command, " "), writes)
	}
	var err error
	if b.to, err = b.routing(b.ns); err != nil || !b.someoneElse() {
		return writes, err
	}
	before := b.to // with ours before theirs
	if before, err = b.then(b.other); err != nil {
		return 0, err
	}
	if err := b.restart(); err != nil {
		return 0, err
	}
	without, err := b.then(b.other)
	if err != nil {
		return 0, err
	}
	if _, _, err := b.finished(0, 1); err != nil {
		return 0, err
	}
	after, err := b.routing(b.ns)
	b.legal = []routing{without, after, before}
	return writes, err
}

func (b *boundaries) someoneElse() bool { return b.meanwhile != "kill" && b.meanwhile != "interrupt" }

// then does something and looks.
func (b *boundaries) then(do func() error) (routing, error) {
	if err := do(); err != nil {
		return nil, err
	}
	return b.routing(b.ns)
}

// other is somebody else, who talks to the API server itself.
func (b *boundaries) other() error { return b.bash(b.ts, b.meanwhile) }

// restart brings back what there is before.
func (b *boundaries) restart() (err error) {
	b.from, err = b.afresh(b.place)
	return err
}

// finished carries the command out and holds its exit code.
func (b *boundaries) finished(codes ...int) (code int, output string, err error) {
	r, err := start(b.ts, b.kubeconfig, b.command)
	if err != nil {
		return 0, "", err
	}
	code, err = r.ended(patience)
	if err == nil && !slices.Contains(codes, code) {
		err = fmt.Errorf("exit code %d, which is none of %d\n%s", code, codes, r.output.String())
	}
	return code, r.output.String(), err
}

// recoveries are the ways on after a disturbance: each boundary is visited for each of them.
func (b *boundaries) recoveries() [][]string {
	undo := []string{"kubectl", "mesh", "route", "undo", b.service, "-n", b.ns, "-y", "--wait=false"}
	finish := append(slices.Clone(undo), "--finish")
	switch {
	case b.meanwhile != "kill":
		return [][]string{undo}
	case slices.Contains(b.command, "undo"): // an undo that was interrupted is finished first
		return [][]string{finish}
	}
	return [][]string{undo, finish}
}

// at holds the nth write, disturbs the command, and goes on.
func (b *boundaries) at(nth int, answered bool, recovery []string) error {
	if err := b.restart(); err != nil {
		return err
	}
	o, err := b.observe(b.ns)
	if err != nil {
		return err
	}
	h := b.gate.arm(nth, answered)
	r, err := start(b.ts, b.kubeconfig, b.command)
	if err != nil {
		return err
	}
	select {
	case <-h.held:
	case <-time.After(patience):
		_ = r.Process.Kill() // the error says what matters
		return fmt.Errorf("the write does not come\n%s", r.output.String())
	}
	if err := b.seen("while it is held"); err != nil {
		return err
	}
	code, err := b.disturb(r, h)
	if err != nil {
		return err
	}
	if err := b.seen("after it"); err != nil {
		return err
	}
	if err := b.outcome(code); err != nil {
		return fmt.Errorf("exit code %d: %w\n%s", code, err, r.output.String())
	}
	if err := b.recovered(code, recovery); err != nil {
		return fmt.Errorf("exit code %d: %w\n%s", code, err, r.output.String())
	}
	return o.whole(b.ctx)
}

// seen holds that what anybody sees is whole.
func (b *boundaries) seen(when string) error {
	now, err := b.routing(b.ns)
	if err != nil {
		return err
	}
	return now.whole(when)
}

// disturb does what happens meanwhile, lets the write go on, and waits for the end.
func (b *boundaries) disturb(r *running, h *hold) (code int, err error) {
	switch b.meanwhile {
	case "kill":
		err = r.signal(syscall.SIGKILL)
	case "interrupt":
		err = r.signal(syscall.SIGINT)
	default:
		err = b.other()
	}
	if err != nil {
		return 0, err
	}
	if b.meanwhile != "kill" { // what was held of a dead client is not passed on
		close(h.release)
	}
	return r.ended(patience)
}

// outcome holds what there is once the command has ended.
func (b *boundaries) outcome(code int) error {
	now, err := b.routing(b.ns)
	if err != nil {
		return err
	}
	done := code == 0 || code == 3
	switch {
	case b.meanwhile == "kill":
		return nil
	case b.meanwhile == "interrupt" && done:
		return now.is("it ended well", b.to)
	case b.meanwhile == "interrupt" && (code == 2 || code == 4):
		return now.is("it was interrupted", b.from)
	case b.someoneElse() && done:
		return now.is("both wrote", b.legal[1:]...)
	case b.someoneElse() && (code == 1 || code == 2 || code == 4):
		return now.is("only the other wrote", b.legal[0])
	}
	return fmt.Errorf("an exit code that it must not have")
}

// recovered holds what undo makes of what there is.
func (b *boundaries) recovered(code int, recovery []string) error {
	before, err := b.routing(b.ns)
	if err != nil {
		return err
	}
	r, err := start(b.ts, "", recovery)
	if err != nil {
		return err
	}
	undone, err := r.ended(patience)
	if err != nil {
		return err
	}
	now, err := b.routing(b.ns)
	if err != nil {
		return err
	}
	if err := now.whole("after " + r.line); err != nil {
		return err
	}
	text := fmt.Sprintf("%s ended with %d\n%s", r.line, undone, r.output.String())
	switch {
	case undone == 1 || undone == 2:
		if err := now.is(text, before); err != nil {
			return err
		}
		switch {
		case b.meanwhile == "kill":
			return now.is(text, b.from, b.to) // nothing had been begun, or all was done
		case b.meanwhile == "interrupt" && code != 0 && code != 3, b.someoneElse():
			return nil // nothing to undo, or somebody else changed it since
		}
		return fmt.Errorf("%s", text)
	case undone != 0:
		return fmt.Errorf("%s", text)
	case b.someoneElse():
		err = now.is(text, b.legal[0])
	case slices.Contains(recovery, "--finish"):
		err = now.is(text, b.to)
	default:
		err = now.is(text, b.from)
	}
	if err != nil {
		return err
	}
	return b.settled(b.place)
}
