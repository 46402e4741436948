//go:build sandbox

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// tutorialsPage is where the tutorials' steps and our commands stand, and nowhere else.
const tutorialsPage = "../../docs/tutorials.md"

// tutorial is a section of the page: steps of which each goes on where the one before it ended.
type tutorial struct {
	name  string
	steps []tutorialStep
}

type tutorialStep struct {
	name     string
	yaml     string // all that it applies
	commands []string
	proxy    string // the Deployment whose proxy is looked at
}

// tutorials is the command
//
//	tutorials NAMESPACE
//
// It goes through docs/tutorials.md. The steps of a section are taken with our commands first, which wait for the
// proxies, and then with the tutorial's YAML, and after each the proxy that the step names must have got the same.
func (w *world) tutorials(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return usage("tutorials NAMESPACE")
	}
	all, err := readTutorials(tutorialsPage)
	if err != nil {
		return err
	}
	for _, t := range all {
		began := time.Now()
		if err := w.tutorial(ts, args[0], t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Fprintf(ts.Stdout(), "%s: %d steps in %s\n", t.name, len(t.steps), since(began))
	}
	return nil
}

func (w *world) tutorial(ts *testscript.TestScript, namespace string, t tutorial) error {
	if err := w.unrouted(namespace); err != nil {
		return err
	}
	var ours []map[string]any
	for _, s := range t.steps {
		if err := w.applyText(ts, namespace, gatewaysOf(s.yaml)); err != nil {
			return err
		}
		for _, command := range s.commands {
			if _, err := w.shell(ts, command+" -y"); err != nil {
				return err
			}
		}
		got, err := w.received(namespace, s.proxy)
		if err != nil {
			return err
		}
		ours = append(ours, got)
	}
	if err := w.unrouted(namespace); err != nil {
		return err
	}
	for i, s := range t.steps {
		if err := w.applyText(ts, namespace, s.yaml); err != nil {
			return err
		}
		err := w.retry(func() error {
			got, err := w.dumped(namespace, s.proxy)
			if err == nil && !reflect.DeepEqual(got, ours[i]) {
				err = fmt.Errorf("%s: %s does not get the same (- by the YAML, + by the command)\n%s", s.name, s.proxy, cmp.Diff(got, ours[i]))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unrouted takes all routing of a namespace away.
func (w *world) unrouted(namespace string) error {
	kinds := strings.Join(append(routingKinds(), "gateways.networking.istio.io"), ",")
	if _, err := w.sandbox.Kubectl(w.ctx, "-n", namespace, "delete", kinds, "--all"); err != nil {
		return err
	}
	_, err := w.sandbox.Kubectl(w.ctx, "-n", namespace, "delete", "configmap", "-l", "app.kubernetes.io/managed-by=kubectl-mesh")
	return err
}

// applyText is kubectl apply of a text; of nothing where it is empty.
func (w *world) applyText(ts *testscript.TestScript, namespace, text string) error {
	if text == "" {
		return nil
	}
	path := ts.MkAbs("step.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	_, err := w.sandbox.Kubectl(w.ctx, "-n", namespace, "apply", "-f", path)
	return err
}

// gatewaysOf are the Gateways of a YAML text.
func gatewaysOf(text string) string {
	var all []string
	for _, doc := range strings.Split(text, "\n---\n") {
		if strings.Contains(doc, "\nkind: Gateway\n") {
			all = append(all, doc)
		}
	}
	return strings.Join(all, "\n---\n")
}

// readTutorials reads the page.
func readTutorials(page string) ([]tutorial, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	blocks := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] = m[2]
	}
	used := map[string]bool{}
	var all []tutorial
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		t := tutorial{}
		t.name, _, _ = strings.Cut(section, "\n")
		for _, line := range strings.Split(section, "\n") {
			cells := strings.Split(line, "|")
			if len(cells) != 6 || !strings.Contains(cells[3], "`") {
				continue
			}
			s := tutorialStep{name: strings.TrimSpace(cells[1]), commands: spans(cells[3]), proxy: strings.Join(spans(cells[4]), "")}
			for _, file := range spans(cells[2]) {
				part, ok := blocks[file]
				if used[file] = true; !ok {
					sample, err := os.ReadFile(filepath.Join(inModule("istio.io/istio", "samples"), file))
					if err != nil {
						return nil, err
					}
					part = string(sample)
				}
				s.yaml += part + "\n---\n"
			}
			t.steps = append(t.steps, s)
		}
		if t.steps != nil {
			all = append(all, t)
		}
	}
	for name := range blocks {
		if !used[name] {
			return nil, fmt.Errorf("%s: no step uses %s", page, name)
		}
	}
	if all == nil {
		return nil, fmt.Errorf("%s has no steps", page)
	}
	return all, nil
}

// spans are the code spans of a table's cell.
func spans(cell string) []string {
	var all []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			all = append(all, part)
		}
	}
	return all
}
