//go:build sandbox

package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// observer saw the routing of a namespace at one moment, and can tell every state that it had since.
type observer struct {
	client    dynamic.Interface
	namespace string
	then      routing
	version   string // of the moment
}

// observe looks now. Nobody may write at the same time.
func (w *world) observe(namespace string) (*observer, error) {
	client, err := dynamic.NewForConfig(w.sandbox.REST())
	if err != nil {
		return nil, err
	}
	o := &observer{client: client, namespace: namespace, then: routing{}}
	for _, kind := range routingKinds() {
		list, err := o.of(kind).List(w.ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			o.then.put(&list.Items[i])
		}
		o.version = list.GetResourceVersion()
	}
	return o, nil
}

func (o *observer) of(kind string) dynamic.ResourceInterface {
	gvr := schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: kind}
	return o.client.Resource(gvr).Namespace(o.namespace)
}

// whole is nil where in no state since the moment a rule named a version that was not there. Kinds share one count of
// versions, by which what happened to them is put in order.
func (o *observer) whole(ctx context.Context) error {
	var all []watch.Event
	for _, kind := range routingKinds() {
		events, err := o.events(ctx, kind)
		if err != nil {
			return err
		}
		all = append(all, events...)
	}
	slices.SortFunc(all, func(a, b watch.Event) int { return versionOf(a) - versionOf(b) })
	state := maps.Clone(o.then)
	for _, e := range all {
		u := e.Object.(*unstructured.Unstructured)
		if e.Type == watch.Deleted {
			delete(state, objectKey(u))
		} else {
			state.put(u)
		}
		if err := state.whole(fmt.Sprintf("once %s was %s", objectKey(u), e.Type)); err != nil {
			return err
		}
	}
	return nil
}

func versionOf(e watch.Event) int {
	n, _ := strconv.Atoi(e.Object.(*unstructured.Unstructured).GetResourceVersion()) // always a number with etcd
	return n
}

// events are what happened to the objects of a kind, until they are as they are now.
func (o *observer) events(ctx context.Context, kind string) ([]watch.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := o.of(kind).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	want := map[string]string{}
	for _, u := range list.Items {
		want[objectKey(&u)] = u.GetResourceVersion()
	}
	is := map[string]string{}
	old, err := o.of(kind).List(ctx, metav1.ListOptions{ResourceVersion: o.version, ResourceVersionMatch: metav1.ResourceVersionMatchExact})
	if err != nil {
		return nil, err
	}
	for _, u := range old.Items {
		is[objectKey(&u)] = u.GetResourceVersion()
	}
	watching, err := o.of(kind).Watch(ctx, metav1.ListOptions{ResourceVersion: o.version})
	if err != nil {
		return nil, err
	}
	defer watching.Stop()
	var all []watch.Event
	for !maps.Equal(is, want) {
		e, more := <-watching.ResultChan()
		u, ok := e.Object.(*unstructured.Unstructured)
		if !more || !ok || e.Type == watch.Error {
			return nil, fmt.Errorf("the events of %s end before they lead to what is there: %v, %v", kind, e, ctx.Err())
		}
		all = append(all, e)
		is[objectKey(u)] = u.GetResourceVersion()
		if e.Type == watch.Deleted {
			delete(is, objectKey(u))
		}
	}
	return all, nil
}
