package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/pflag"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

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
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	mapper, err := config.ToRESTMapper()
	if err != nil {
		return err
	}
	var changes []mesh.Change
	for _, r := range results {
		some, err := changesOf(r, mapper, namespace)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		changes = append(changes, some...)
	}
	timeout, err := requestTimeout(config)
	if err != nil {
		return err
	}
	done, err := cluster.Apply(ctx, cluster.Query{Getter: config, Timeout: timeout}, changes, cluster.ApplyOptions{
		Manager: f.manager, DryRun: cluster.DryRun(f.dryRun), Force: f.force, ForceOwner: f.forceOwner,
		Warn: func(text string) { fmt.Fprintf(streams.ErrOut, "warning: %s\n", text) },
	})
	var owned *cluster.OwnedError
	if errors.As(err, &owned) {
		return f.refuse(owned, streams)
	}
	if err != nil {
		return applyError(err)
	}
	suffix := map[string]string{"client": " (dry run)", "server": " (server dry run)"}[f.dryRun]
	for _, c := range done {
		fmt.Fprintf(streams.Out, "%s %s%s\n", c.Ref.Arg(), past(c), suffix)
	}
	return nil
}

// past says what was done to an object, as kubectl does.
func past(c mesh.Change) string {
	switch {
	case c.Before == nil:
		return "created"
	case c.Write == mesh.Patch:
		return "patched"
	}
	return "serverside-applied"
}

// refuse says who keeps the objects, and prints what to put into Git.
func (f *applyFlags) refuse(owned *cluster.OwnedError, streams genericiooptions.IOStreams) error {
	for i, o := range owned.Owned {
		text, err := yaml.Marshal(o.Change.ForGit())
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(streams.Out, "---")
		}
		fmt.Fprintf(streams.Out, "# for Git: %s\n%s", o.Change.Ref, text)
	}
	return &exitError{code: exitNo, err: fmt.Errorf("%w; nothing was written (--force-owner writes it)", owned)}
}

// applyError gives a failed write the exit code that tells what became of it.
func applyError(err error) error {
	var failed *cluster.ApplyError
	if errors.As(err, &failed) && failed.Written > 0 {
		return &exitError{code: exitRolledBack, err: err}
	}
	return err
}

// changesOf are the writes of a manifest: all of its objects, or of a live
// object what differs.
func changesOf(r edited, mapper meta.RESTMapper, namespace string) ([]mesh.Change, error) {
	if r.live != nil {
		c, err := patchOf(r)
		if err != nil || c == nil {
			return nil, err
		}
		return withResource([]mesh.Change{*c}, mapper, namespace)
	}
	objs, err := jsonObjects(r.after)
	if err != nil {
		return nil, err
	}
	var changes []mesh.Change
	for _, raw := range objs {
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			return nil, err
		}
		if !u.IsList() {
			changes = append(changes, mesh.Change{Write: mesh.Apply, Object: u})
			continue
		}
		err := u.EachListItem(func(o runtime.Object) error {
			changes = append(changes, mesh.Change{Write: mesh.Apply, Object: o.(*unstructured.Unstructured)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return withResource(changes, mapper, namespace)
}

// withResource fills in where the objects of changes are served.
func withResource(changes []mesh.Change, mapper meta.RESTMapper, namespace string) ([]mesh.Change, error) {
	for i := range changes {
		c := &changes[i]
		gvk := c.Object.GroupVersionKind()
		if c.Object.GetName() == "" {
			return nil, fmt.Errorf("a %s has no name: server-side apply needs one", gvk.Kind)
		}
		m, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return nil, fmt.Errorf("the cluster does not know %s of %s: %w", gvk.Kind, c.Object.GetAPIVersion(), err)
		}
		if m.Scope.Name() == meta.RESTScopeNameNamespace && c.Object.GetNamespace() == "" {
			c.Object.SetNamespace(namespace)
		}
		c.Resource = m.Resource
		c.Ref = mesh.Ref{APIVersion: c.Object.GetAPIVersion(), Kind: gvk.Kind, Namespace: c.Object.GetNamespace(), Name: c.Object.GetName()}
		c.Why = "give it its sidecar"
	}
	return changes, nil
}

// patchOf is what makes of a live object the edited one; nil where nothing
// does. It holds only for the object as it was read.
func patchOf(r edited) (*mesh.Change, error) {
	before, err := yaml.YAMLToJSON(r.text)
	if err != nil {
		return nil, err
	}
	after, err := yaml.YAMLToJSON(r.after)
	if err != nil {
		return nil, err
	}
	patch, err := jsonpatch.CreateMergePatch(before, after)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(patch, &fields); err != nil || len(fields) == 0 {
		return nil, err
	}
	if err := unstructured.SetNestedField(fields, r.live.GetResourceVersion(), "metadata", "resourceVersion"); err != nil {
		return nil, err
	}
	return &mesh.Change{Write: mesh.Patch, Object: r.live, Fields: fields}, nil
}
