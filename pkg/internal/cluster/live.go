package cluster

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
)

// Objects fetches objects by name (TYPE/NAME, or TYPE NAME…) or by labels
// (TYPE with a selector), as kubectl get does, whole. An error names what is
// not there or may not be read. It returns when ctx ends.
func Objects(ctx context.Context, getter genericclioptions.RESTClientGetter, namespace, selector string, args ...string) ([]*unstructured.Unstructured, error) {
	type fetched struct {
		infos []*resource.Info
		err   error
	}
	done := make(chan fetched, 1)
	go func() {
		b := resource.NewBuilder(getter).Unstructured().NamespaceParam(namespace).DefaultNamespace().
			ResourceTypeOrNameArgs(true, args...).Flatten().Latest()
		if selector != "" {
			b = b.LabelSelectorParam(selector)
		}
		infos, err := b.Do().Infos()
		done <- fetched{infos, err}
	}()
	var got fetched
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case got = <-done:
	}
	if got.err != nil {
		return nil, got.err
	}
	var objs []*unstructured.Unstructured
	for _, i := range got.infos {
		u, ok := i.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("%s is no object", i.ObjectName())
		}
		objs = append(objs, u)
	}
	return objs, nil
}
