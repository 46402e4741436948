package cmd

import (
	"fmt"
	"path"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
)

// choose keeps the checks that only names (all, when it is empty) and skip
// does not. Names may hold * as in file names. A name that matches no check is
// an error: it is misspelt.
func choose(all []diagnose.Check, only, skip []string) ([]diagnose.Check, error) {
	for _, p := range append(append([]string(nil), only...), skip...) {
		if hit, err := anyMatches(all, p); err != nil || !hit {
			return nil, fmt.Errorf("no check is called %q; see 'doctor explain' for the list", p)
		}
	}
	var chosen []diagnose.Check
	for _, c := range all {
		if (len(only) == 0 || matches(c.Name, only)) && !matches(c.Name, skip) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("--checks and --skip leave no check to run")
	}
	return chosen, nil
}

func anyMatches(all []diagnose.Check, pattern string) (bool, error) {
	for _, c := range all {
		hit, err := path.Match(pattern, c.Name)
		if hit || err != nil {
			return hit, err
		}
	}
	return false, nil
}

func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if hit, _ := path.Match(p, name); hit {
			return true
		}
	}
	return false
}

// membershipChecks are the checks that tell whether pods come into the mesh:
// all but those of how requests are routed.
func membershipChecks() []diagnose.Check {
	return slices.DeleteFunc(checks.All(), func(c diagnose.Check) bool { return c.Area == diagnose.Routing })
}
