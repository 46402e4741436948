package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Metadata lists the objects of a kind in a namespace, in all where it is
// empty, by their metadata alone, those that have the labels of a selector. Of
// a custom resource it asks for the version that snapshots hold. The API server
// may answer from its cache, so that what was made a moment ago can be missing.
// It sends one request, which ends with ctx.
func Metadata(ctx context.Context, q Query, kind mesh.Kind, namespace, selector string) ([]metav1.ObjectMeta, error) {
	i, known := mesh.Lookup(kind)
	if !known || i.Fact() {
		return nil, fmt.Errorf("%s are no objects", kind)
	}
	cfg, err := restConfig(q)
	if err != nil {
		return nil, err
	}
	cfg.WarningHandler, cfg.WarningHandlerWithContext = rest.NoWarnings{}, nil
	client, err := metadata.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	if !i.Namespaced {
		namespace = ""
	}
	list, err := client.Resource(i.Resource).Namespace(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0", LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	found := make([]metav1.ObjectMeta, 0, len(list.Items))
	for _, o := range list.Items {
		found = append(found, o.ObjectMeta)
	}
	return found, nil
}
