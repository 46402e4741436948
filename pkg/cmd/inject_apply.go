package cmd

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// applyFlags say how manifests are written to the cluster.
type applyFlags struct {
	apply      bool
	dryRun     string
	manager    string
	force      bool
	forceOwner bool
}

func (f *applyFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.apply, "apply", false, "Apply the objects (server-side), after a dry run of all of them")
	flags.StringVar(&f.dryRun, "dry-run", "none", "With --apply: none, client (show what would be written), server (and have it admitted)")
	flags.StringVar(&f.manager, "field-manager", cluster.DefaultManager, "With --apply: the name that owns what is written")
	flags.BoolVar(&f.force, "force-conflicts", false, "With --apply: take over fields that another manager owns")
	flags.BoolVar(&f.forceOwner, "force-owner", false, "With --apply: also write what Argo CD, Flux and the like keep")
}

func (f *applyFlags) validate() error {
	switch {
	case f.dryRun != "none" && f.dryRun != "client" && f.dryRun != "server":
		return fmt.Errorf("--dry-run %s: use none, client or server", f.dryRun)
	case !f.apply && f.dryRun != "none":
		return errors.New("--dry-run is for --apply; without it nothing is written to the cluster")
	}
	return nil
}

// run writes all objects of the manifests, in their order.
func (f *applyFlags) run(ctx context.Context, config *genericclioptions.ConfigFlags, results []edited, streams genericiooptions.IOStreams) error {
	prepared, err := f.prepare(ctx, config, results, streams)
	var owned *cluster.OwnedError
	if errors.As(err, &owned) {
		return f.refuse(owned, streams)
	}
	if err == nil {
		err = asRead(prepared.Changes())
	}
	if err == nil && f.dryRun == string(cluster.DryRunNone) {
		err = prepared.Commit(ctx)
	}
	if err != nil {
		return applyError(err)
	}
	suffix := map[string]string{"client": " (dry run)", "server": " (server dry run)"}[f.dryRun]
	for _, c := range prepared.Changes() {
		fmt.Fprintf(streams.Out, "%s %s%s\n", c.Ref.Arg(), past(c), suffix)
	}
	for _, ref := range asTheyAre(results, prepared.Changes()) {
		fmt.Fprintf(streams.Out, "%s unchanged%s\n", ref.Arg(), suffix)
	}
	return nil
}

// asTheyAre are the live objects that need no write.
func asTheyAre(results []edited, changes []mesh.Change) []mesh.Ref {
	var all []mesh.Ref
	for _, r := range results {
		if r.live == nil {
			continue
		}
		ref := mesh.Ref{APIVersion: r.live.GetAPIVersion(), Kind: r.live.GetKind(), Namespace: r.live.GetNamespace(), Name: r.live.GetName()}
		if !slices.ContainsFunc(changes, func(c mesh.Change) bool { return c.Ref == ref }) {
			all = append(all, ref)
		}
	}
	return all
}

// prepare makes the writes and checks them.
func (f *applyFlags) prepare(ctx context.Context, config *genericclioptions.ConfigFlags, results []edited, streams genericiooptions.IOStreams) (*cluster.Prepared, error) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	var changes []mesh.Change
	for _, r := range results {
		some, err := changesOf(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		changes = append(changes, some...)
	}
	if err := withResource(ctx, config, changes, namespace); err != nil {
		return nil, err
	}
	timeout, err := requestTimeout(config)
	if err != nil {
		return nil, err
	}
	return cluster.Prepare(ctx, cluster.Query{Getter: config, Timeout: timeout}, changes, cluster.ApplyOptions{
		Manager: f.manager, DryRun: cluster.DryRun(f.dryRun), Force: f.force, ForceOwner: f.forceOwner,
		Warn: func(text string) { fmt.Fprintf(streams.ErrOut, "warning: %s\n", text) },
	})
}

// asRead refuses patches of objects that are no longer what the patches were
// made for.
func asRead(changes []mesh.Change) error {
	for _, c := range changes {
		if c.Write == mesh.Patch && !same(c.Object, c.Before) {
			return fmt.Errorf("cannot patch %s: it was changed meanwhile; look again", c.Ref)
		}
	}
	return nil
}

// same reports whether two states of an object are the same, but for what the
// API server and controllers keep in it.
func same(a, b *unstructured.Unstructured) bool {
	return reflect.DeepEqual(asWritten(a).Object, asWritten(b).Object)
}

// past says what was done to an object, as kubectl does.
func past(c mesh.Change) string {
	switch {
	case c.Before == nil:
		return "created"
	case c.After != nil && same(c.Before, c.After):
		return "unchanged"
	case c.Write == mesh.Patch:
		return "patched"
	}
	return "serverside-applied"
}

// refuse says who keeps the objects, and prints what to put into Git.
func (f *applyFlags) refuse(owned *cluster.OwnedError, streams genericiooptions.IOStreams) error {
	if err := printForGit(streams.Out, owned.Owned); err != nil {
		return err
	}
	return &exitError{code: exitNo, err: fmt.Errorf("%w; nothing was written (--force-owner writes it)", owned)}
}

// applyError gives a failed write the exit code that tells what became of it.
func applyError(err error) error {
	if apierrors.IsInvalid(err) && strings.HasPrefix(err.Error(), "cannot patch Pod ") {
		return fmt.Errorf("%w; a pod takes no containers once it runs: inject its workload, or pipe what is printed into kubectl replace --force -f -", err)
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && slices.ContainsFunc(causes(status), func(c metav1.StatusCause) bool { return c.Type == metav1.CauseTypeFieldManagerConflict }) {
		return fmt.Errorf("%w (--force-conflicts)", err)
	}
	return writeFailed(err)
}

func causes(s apierrors.APIStatus) []metav1.StatusCause {
	if d := s.Status().Details; d != nil {
		return d.Causes
	}
	return nil
}
