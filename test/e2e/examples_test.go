//go:build sandbox

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// reference holds a page a command, made of the commands themselves (pkg/cmd): where their examples are found.
const reference = "../../docs/reference"

// page is what a command's page tells.
type page struct {
	command  string // "kubectl mesh route shift"
	examples []string
	writes   bool // it takes --dry-run
}

// examples runs the examples of every command, as a user pastes them, in the order of the pages: what writes to the
// cluster as a dry run of the API server, what goes on for ever for a few seconds. "Could not do it" is a failure.
func (w *world) examples(ts *testscript.TestScript, args []string) error {
	if len(args) > 0 {
		return usage("examples")
	}
	pages, err := readPages()
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range pages {
		for _, line := range p.examples {
			if err := w.example(ts, called(pages, line), line); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", p.command, err))
			}
		}
	}
	return errors.Join(failed...)
}

func (w *world) example(ts *testscript.TestScript, p page, line string) error {
	const stillRunning = 124 // what timeout(1) ends with
	command, allowed := line, []int{0, 1}
	switch {
	case strings.Contains(line, "kubectl apply"):
		command += " --dry-run=server"
	case strings.Contains(line+" ", " -w "):
		command, allowed = "timeout --foreground -s INT 4 "+line, []int{stillRunning}
	case strings.Contains(line, " --for "): // there is no dry run of what goes on
		command, allowed = "timeout --foreground -s INT 8 "+line+" -y", []int{stillRunning}
	case p.writes && isDry(line):
		command += " --dry-run=server"
	}
	out, err := w.shell(ts, command)
	code, err := exitCode(err)
	if err != nil {
		return err
	}
	ts.Logf("%s (exit code %d)", command, code)
	if !slices.Contains(allowed, code) {
		return fmt.Errorf("%s\nexit code %d\n%s", command, code, out)
	}
	return nil
}

// called is the page of the command that a line calls: the longest name that begins it.
func called(pages []page, line string) page {
	var best page
	for _, p := range pages {
		if strings.HasPrefix(line+" ", p.command+" ") && len(p.command) > len(best.command) {
			best = p
		}
	}
	return best
}

// isDry reports whether a line of a command that takes --dry-run may have it: what injects takes it with --apply alone.
func isDry(line string) bool {
	if strings.Contains(line, "inject ") && !strings.Contains(line, "--apply") {
		return false
	}
	return !strings.Contains(line, "--dry-run") && !strings.Contains(line, "--diff") && !strings.HasSuffix(line, " list")
}

func readPages() ([]page, error) {
	files, err := filepath.Glob(filepath.Join(reference, "*.md"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no pages in %s: %v", reference, err)
	}
	var all []page
	block := regexp.MustCompile("(?s)### Examples\n\n```\n(.*?)\n```")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p := page{command: strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".md"), "_", " "), writes: strings.Contains(string(text), "--dry-run string")}
		m := block.FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%s has no examples", file)
		}
		for _, line := range strings.Split(strings.ReplaceAll(string(m[1]), "\\\n", " "), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				p.examples = append(p.examples, line)
			}
		}
		all = append(all, p)
	}
	return all, nil
}
