package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// writeFailed gives a write that failed its exit code: 4 where something had
// been written and was undone, else 2.
func writeFailed(err error) error {
	var failed *cluster.ApplyError
	if !errors.As(err, &failed) || failed.Written == 0 {
		return err
	}
	if errors.Is(err, context.Canceled) { // the word alone would not tell what became of the rest
		err = errors.New("interrupted; " + failed.Outcome())
	}
	return &exitError{code: exitRolledBack, err: err}
}

// printForGit prints what somebody would have to put into Git, each change with
// who keeps the object.
func printForGit(w io.Writer, owned []cluster.Owned) error {
	for i, o := range owned {
		doc := o.Change.ForGit()
		if doc == nil {
			continue
		}
		text, err := yaml.Marshal(doc)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(w, "---")
		}
		fmt.Fprintf(w, "# %s, kept by %s\n%s", o.Change.Ref, strings.Join(strings.Fields(o.Owner.String()), " "), text)
	}
	return nil
}

// kubectlName is an object as kubectl's messages name it: "namespace/shop",
// "deployment.apps/web".
func kubectlName(r mesh.Ref) string {
	kind := strings.ToLower(r.Kind)
	if group, _, ok := strings.Cut(r.APIVersion, "/"); ok {
		kind += "." + group
	}
	return kind + "/" + r.Name
}

// dryRunSuffix ends messages as kubectl's do.
func dryRunSuffix(how cluster.DryRun) string {
	switch how {
	case cluster.DryRunClient:
		return " (dry run)"
	case cluster.DryRunServer:
		return " (server dry run)"
	}
	return ""
}
