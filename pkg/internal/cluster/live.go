package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
		return nil, reached(getter, got.err)
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

// UnknownKindError names a kind that a cluster does not serve.
type UnknownKindError struct{ Kind schema.GroupVersionKind }

// Error names it, and what is likely to be missing.
func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("the cluster does not know %s of %s: is its custom resource definition installed?", e.Kind.Kind, e.Kind.GroupVersion())
}

// Mapping asks the API server where objects of these kinds are served. It
// returns when ctx ends; the error for a kind that the cluster does not know is
// an UnknownKindError.
func Mapping(ctx context.Context, getter genericclioptions.RESTClientGetter, kinds []schema.GroupVersionKind) (map[schema.GroupVersionKind]*meta.RESTMapping, error) {
	type asked struct {
		found map[schema.GroupVersionKind]*meta.RESTMapping
		err   error
	}
	done := make(chan asked, 1)
	go func() {
		found, err := mappings(getter, kinds)
		done <- asked{found, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-done:
		return a.found, a.err
	}
}

func mappings(getter genericclioptions.RESTClientGetter, kinds []schema.GroupVersionKind) (map[schema.GroupVersionKind]*meta.RESTMapping, error) {
	mapper, err := getter.ToRESTMapper()
	if err != nil {
		return nil, reached(getter, err)
	}
	found := map[schema.GroupVersionKind]*meta.RESTMapping{}
	for _, gvk := range kinds {
		if found[gvk] != nil {
			continue
		}
		m, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if meta.IsNoMatchError(err) {
			return nil, &UnknownKindError{gvk}
		}
		if err != nil {
			return nil, reached(getter, err)
		}
		found[gvk] = m
	}
	return found, nil
}

// reached puts an error for a server that cannot be reached as all commands do.
func reached(getter genericclioptions.RESTClientGetter, err error) error {
	var transport *url.Error
	cfg, cfgErr := getter.ToRESTConfig()
	if cfgErr != nil || !errors.As(err, &transport) {
		return err
	}
	return (&reading{connection: &connection{host: cfg.Host}}).unreachable(err)
}
