package sandbox

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// istioManager is the field manager of istioctl install (istio.io/istio, operator/pkg/install, 1.29.1).
const istioManager = "istio-operator"

// apply writes the objects by server-side apply, kinds that others need first, several at a time.
func (s *Sandbox) apply(ctx context.Context, objs []*unstructured.Unstructured) error {
	client, err := dynamic.NewForConfig(s.rest)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(s.client.Discovery()))
	for _, batch := range inOrder(objs) {
		todo, ctx := errgroup.WithContext(ctx)
		todo.SetLimit(8)
		for _, obj := range batch {
			mapping, err := mapper.RESTMapping(obj.GroupVersionKind().GroupKind(), obj.GroupVersionKind().Version)
			if err != nil {
				return fmt.Errorf("%s %s: %w", obj.GetKind(), obj.GetName(), err)
			}
			var resource dynamic.ResourceInterface = client.Resource(mapping.Resource)
			if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
				resource = client.Resource(mapping.Resource).Namespace(obj.GetNamespace())
			}
			todo.Go(func() error {
				_, err := resource.Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: istioManager, Force: true})
				if err != nil {
					return fmt.Errorf("applying %s %s: %w", obj.GetKind(), obj.GetName(), err)
				}
				return nil
			})
		}
		if err := todo.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// inOrder splits objects into batches: what others refer to, then everything else, then workloads.
func inOrder(objs []*unstructured.Unstructured) [][]*unstructured.Unstructured {
	early := []string{"Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role"}
	batches := make([][]*unstructured.Unstructured, 3)
	for _, obj := range objs {
		i := 1
		switch {
		case slices.Contains(early, obj.GetKind()):
			i = 0
		case obj.GetKind() == "Deployment" || obj.GetKind() == "DaemonSet":
			i = 2
		}
		batches[i] = append(batches[i], obj)
	}
	return batches
}
