package checks

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// All returns every check, in the order of the report: what everything depends
// on first.
func All() []diagnose.Check {
	return slices.Concat(allD1(), allD2(), allD3(), allD4(), allD5())
}
