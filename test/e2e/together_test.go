//go:build sandbox

package e2e_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// pair is two commands that write at once.
type pair struct {
	*world
	place
	commands [2][]string
	none     routing
	alone    [2]routing // only this one wrote
	both     [2]routing // this one first
}

// together is the command
//
//	together rounds:N [ns:NAMESPACE] [svc:SERVICE] [begin:SCRIPT] -- COMMAND … -- COMMAND …
//
// It starts two commands at once, N times, and holds that what is there in the end is what is there had they run one
// after the other, or had those not run that say they wrote nothing; and that no rule ever names a version that is not
// there.
func (w *world) together(ts *testscript.TestScript, args []string) error {
	parts := split(args)
	if len(parts) != 3 {
		return usage("together rounds:N [ns:NAMESPACE] [svc:SERVICE] [begin:SCRIPT] -- COMMAND … -- COMMAND …")
	}
	o := parseOptions(parts[0])
	rounds, err := strconv.Atoi(o.settings["rounds"])
	if err != nil {
		return err
	}
	p := &pair{world: w, place: placeOf(ts, o), commands: [2][]string{parts[1], parts[2]}}
	if err := p.serial(); err != nil {
		return err
	}
	outcomes := map[string]int{}
	for n := range rounds {
		codes, err := p.round(time.Duration(n) * 10 * time.Millisecond)
		if err != nil {
			return fmt.Errorf("round %d: exit codes %d: %w", n+1, codes, err)
		}
		outcomes[fmt.Sprint(codes)]++
	}
	fmt.Fprintf(ts.Stdout(), "exit codes in %d rounds: %v\n", rounds, outcomes)
	return nil
}

// split takes words apart at each --.
func split(args []string) [][]string {
	parts := [][]string{nil}
	for _, a := range args {
		if a == "--" {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], a)
	}
	return parts
}

// serial finds what the commands make one after the other. One that is refused after the other leaves what is there.
func (p *pair) serial() (err error) {
	for first := range p.commands {
		if p.none, err = p.afresh(p.place); err != nil {
			return err
		}
		if _, p.alone[first], err = p.after(first, 0); err != nil {
			return err
		}
		if _, p.both[first], err = p.after(1-first, 0, 1, 2); err != nil {
			return err
		}
	}
	return nil
}

// after runs one command and looks.
func (p *pair) after(which int, codes ...int) (code int, now routing, err error) {
	r, err := start(p.ts, "", p.commands[which])
	if err != nil {
		return 0, nil, err
	}
	if code, err = r.ended(patience); err != nil {
		return 0, nil, err
	}
	if !slices.Contains(codes, code) {
		return code, nil, fmt.Errorf("%s: exit code %d\n%s", r.line, code, r.output.String())
	}
	now, err = p.routing(p.ns)
	return code, now, err
}

// round starts both, the second so much later or, every other time, earlier.
func (p *pair) round(later time.Duration) (codes [2]int, err error) {
	if _, err = p.afresh(p.place); err != nil {
		return codes, err
	}
	o, err := p.observe(p.ns)
	if err != nil {
		return codes, err
	}
	order := [2]int{0, 1}
	if (later/(10*time.Millisecond))%2 == 1 {
		order = [2]int{1, 0}
	}
	var both [2]*running
	for i, which := range order {
		if i == 1 {
			time.Sleep(later % (300 * time.Millisecond)) // so that they meet at another place each round
		}
		if both[which], err = start(p.ts, "", p.commands[which]); err != nil {
			return codes, err
		}
	}
	var said []string
	for i, r := range both {
		code, ended := r.ended(patience)
		if ended != nil {
			return codes, ended
		}
		codes[i] = code
		said = append(said, r.line, r.output.String())
	}
	now, err := p.routing(p.ns)
	if err != nil {
		return codes, err
	}
	if err := p.legal(codes, now); err != nil {
		return codes, fmt.Errorf("%w\n%s", err, strings.Join(said, "\n"))
	}
	if err := p.settled(p.place); err != nil {
		return codes, err
	}
	return codes, o.whole(p.ctx)
}

// legal holds that what is there is what the exit codes say.
func (p *pair) legal(codes [2]int, now routing) error {
	wrote := [2]bool{codes[0] == 0, codes[1] == 0}
	switch wrote {
	case [2]bool{true, true}:
		return now.is("both wrote", p.both[0], p.both[1])
	case [2]bool{true, false}:
		return now.is("the first wrote", p.alone[0])
	case [2]bool{false, true}:
		return now.is("the second wrote", p.alone[1])
	}
	return now.is("none wrote", p.none)
}
