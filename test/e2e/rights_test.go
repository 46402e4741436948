//go:build sandbox

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	rbac "k8s.io/api/rbac/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// right is a verb on a resource: a line "GROUP RESOURCE VERB" of a file, "core" being the group without a name.
type right struct{ group, resource, verb string }

func (r right) rule() rbac.PolicyRule {
	return rbac.PolicyRule{APIGroups: []string{strings.Replace(r.group, "core", "", 1)}, Resources: []string{r.resource}, Verbs: []string{r.verb}}
}

// rights is the command
//
//	rights FILE [begin:SCRIPT] [ns:NAMESPACE] [svc:SERVICE] -- COMMAND …
//
// COMMAND does its work as a user with the rights in FILE. Without any one of them it ends with code 2, one line that
// names verb and resource, and nothing written; but where it only reads what is not to be had, it may do its work all
// the same.
func (w *world) rights(ts *testscript.TestScript, args []string) error {
	parts := split(args)
	if len(parts) != 2 || len(parts[0]) == 0 {
		return usage("rights FILE [begin:SCRIPT] [ns:NAMESPACE] [svc:SERVICE] -- COMMAND …")
	}
	o := parseOptions(parts[0])
	at := placeOf(ts, o)
	all, err := readRights(ts.MkAbs(o.words[0]))
	if err != nil {
		return err
	}
	if code, text, err := w.with(at, 0, all, parts[1]); err != nil || code != 0 {
		return fmt.Errorf("with all rights: exit code %d, %v\n%s", code, err, text)
	}
	var wrong []error
	for i, r := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		code, text, err := w.with(at, i+1, rest, parts[1])
		if err == nil {
			err = r.missed(code, text)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("without %s on %s: exit code %d: %w\n%s", r.verb, r.resource, code, err, text))
			continue
		}
		fmt.Fprintf(ts.Stdout(), "without %s on %s: exit code %d\n", r.verb, r.resource, code)
	}
	return errors.Join(wrong...)
}

// missed holds what a command says that lacked the right.
func (r right) missed(code int, text string) error {
	if code == 0 && (r.verb == "list" || r.verb == "get") {
		return nil
	}
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "error: ") {
			lines = append(lines, line)
		}
	}
	switch {
	case code != 2:
		return fmt.Errorf("not exit code 2")
	case len(lines) != 1 || !strings.HasSuffix(text, lines[0]+"\n"):
		return fmt.Errorf("not one line that says why, at the end")
	case !strings.Contains(lines[0], r.verb) || !strings.Contains(lines[0], r.resource):
		return fmt.Errorf("the line does not name the right")
	}
	return nil
}

// with runs a command as a new user with these rights. A command that fails must have written nothing.
func (w *world) with(at place, n int, all []right, command []string) (code int, text string, err error) {
	before, err := w.afresh(at)
	if err != nil {
		return 0, "", err
	}
	var rules []rbac.PolicyRule
	for _, r := range all {
		rules = append(rules, r.rule())
	}
	path, err := w.sandbox.User(w.ctx, fmt.Sprintf("limited-%d", n), sandbox.Access{Rules: rules})
	if err != nil {
		return 0, "", err
	}
	known := all[len(all)-1]
	err = w.retry(func() error { // until the API server knows the role
		_, err := w.shell(at.ts, fmt.Sprintf("kubectl --kubeconfig %s -n %s auth can-i %s %s", path, at.ns, known.verb, known.rule().Resources[0]+"."+known.rule().APIGroups[0]))
		return err
	})
	if err != nil {
		return 0, "", err
	}
	r, err := start(at.ts, path, command)
	if err != nil {
		return 0, "", err
	}
	if code, err = r.ended(patience); err != nil || code == 0 {
		return code, r.output.String(), err
	}
	now, err := w.routing(at.ns)
	if err == nil && !cmp.Equal(before, now) {
		err = fmt.Errorf("it wrote something:\n%s", cmp.Diff(before, now))
	}
	return code, r.output.String(), err
}

func readRights(path string) ([]right, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []right
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil, fmt.Errorf("%s: %q is not GROUP RESOURCE VERB", path, line)
		}
		all = append(all, right{words[0], words[1], words[2]})
	}
	return all, nil
}
