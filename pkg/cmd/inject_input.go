package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
)

// inputFlags say what to work on, as kubectl's do.
type inputFlags struct {
	files     []string
	kustomize string
	recursive bool
	selector  string
}

func (f *inputFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&f.files, "filename", "f", nil, "Manifests: a file, a folder, a URL, or - for stdin")
	flags.StringVarP(&f.kustomize, "kustomize", "k", "", "A folder with a kustomization")
	flags.BoolVarP(&f.recursive, "recursive", "R", false, "With -f FOLDER: also the folders in it")
	flags.StringVarP(&f.selector, "selector", "l", "", "With a TYPE: the objects of the cluster that have these labels")
}

// input is a text to work on.
type input struct {
	name string // for people
	file string // where it can be written back; empty where it cannot
	text []byte
	live *unstructured.Unstructured // the object of the cluster that the text is; nil for a file
}

// read fetches what to work on.
func (f *inputFlags) read(ctx context.Context, config *genericclioptions.ConfigFlags, namespace string, args []string, stdin io.Reader) ([]input, error) {
	files := len(f.files) > 0 || f.kustomize != ""
	switch {
	case files && len(args) > 0:
		return nil, fmt.Errorf("name either files or objects of the cluster, not both: %q", args)
	case files && f.selector != "":
		return nil, errors.New("-l selects objects of the cluster; with files name the files")
	case !files && len(args) == 0:
		return nil, errors.New("nothing to work on: name files with -f, a kustomization with -k, or an object as TYPE/NAME")
	case files:
		return f.readFiles(ctx, stdin)
	}
	objs, err := cluster.Objects(ctx, config, namespace, f.selector, args...)
	if err != nil {
		return nil, err
	}
	if len(objs) == 0 {
		return nil, fmt.Errorf("no objects found in namespace %q", namespace)
	}
	var all []input
	for _, o := range objs {
		text, err := yaml.Marshal(asWritten(o).Object)
		if err != nil {
			return nil, err
		}
		all = append(all, input{name: o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName(), text: text, live: o})
	}
	return all, nil
}

func (f *inputFlags) readFiles(ctx context.Context, stdin io.Reader) ([]input, error) {
	found, err := cluster.Manifests(ctx, cluster.ManifestQuery{Filenames: f.files, Recursive: f.recursive, Kustomize: f.kustomize, Stdin: stdin})
	if err != nil {
		return nil, err
	}
	var all []input
	for _, m := range found {
		all = append(all, input{name: m.Name, file: m.File, text: m.Text})
	}
	return all, nil
}

// asWritten is an object of the cluster without what the API server adds.
func asWritten(o *unstructured.Unstructured) *unstructured.Unstructured {
	o = o.DeepCopy()
	delete(o.Object, "status")
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	annotations := o.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	delete(annotations, "deployment.kubernetes.io/revision")
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
	return o
}
