package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
)

// admitted are the results as the API server would store them: of live objects
// that a dry run of the patch gives, since defaults that it fills in are no
// difference. Where the patch is forbidden, or invalid as one of a Pod is, they
// stay as they are.
func admitted(ctx context.Context, config *genericclioptions.ConfigFlags, results []edited, streams genericiooptions.IOStreams) ([]edited, error) {
	f := applyFlags{dryRun: string(cluster.DryRunServer), forceOwner: true}
	var all []edited
	for _, r := range results {
		if r.live == nil || !r.changed() {
			all = append(all, r)
			continue
		}
		prepared, err := f.prepare(ctx, config, []edited{r}, streams)
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
			all = append(all, r)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, c := range prepared.Changes() {
			if r.text, err = yaml.Marshal(asWritten(c.Before).Object); err != nil {
				return nil, err
			}
			after, err := yaml.Marshal(asWritten(c.After).Object)
			if err != nil {
				return nil, err
			}
			r.after = whole(after)
		}
		all = append(all, r)
	}
	return all, nil
}

// showDiff shows the texts before and after as kubectl diff does: with
// $KUBECTL_EXTERNAL_DIFF, else diff, else by itself. What is shown is the
// answer no, exit code 1.
func showDiff(ctx context.Context, results []edited, streams genericiooptions.IOStreams) error {
	folder, err := os.MkdirTemp("", "kubectl-mesh-diff-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	changed := false
	for _, r := range results {
		if !r.changed() {
			continue
		}
		changed = true
		for side, text := range map[string][]byte{"before": r.text, "after": r.after.bytes()} {
			file := filepath.Join(folder, side, diffName(r.name))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(file, text, 0o600); err != nil {
				return err
			}
		}
	}
	if !changed {
		return nil
	}
	program, args := differ()
	if _, err := exec.LookPath(program); err != nil && os.Getenv("KUBECTL_EXTERNAL_DIFF") == "" {
		if err := unified(results, streams); err != nil {
			return err
		}
		return &exitError{code: exitNo}
	}
	c := exec.CommandContext(ctx, program, append(args, "before", "after")...)
	c.Dir, c.Stdout, c.Stderr = folder, streams.Out, streams.ErrOut
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() > 1:
		return fmt.Errorf("%s failed: %w", program, err)
	case err != nil && !errors.As(err, &exit):
		return fmt.Errorf("run %s: %w", program, err)
	}
	return &exitError{code: exitNo}
}

// diffName is a path for what has a name; the same name always has the same.
func diffName(name string) string {
	return filepath.Clean("/" + strings.NewReplacer("://", "/", " ", "-", "../", "up/").Replace(name))
}

// differ is the program that kubectl diff would run
// (k8s.io/kubectl v0.35.0, pkg/cmd/diff/diff.go: getCommand).
func differ() (program string, args []string) {
	if words := strings.Fields(os.Getenv("KUBECTL_EXTERNAL_DIFF")); len(words) > 0 {
		return words[0], words[1:]
	}
	return "diff", []string{"-u", "-N", "-r"}
}

// unified is a diff made here, where there is no program for it.
func unified(results []edited, streams genericiooptions.IOStreams) error {
	for _, r := range results {
		if !r.changed() {
			continue
		}
		err := difflib.WriteUnifiedDiff(streams.Out, difflib.UnifiedDiff{
			A: difflib.SplitLines(string(r.text)), B: difflib.SplitLines(string(r.after.bytes())),
			FromFile: "before/" + r.name, ToFile: "after/" + r.name, Context: 3,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
