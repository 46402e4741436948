package cluster

import (
	"context"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// maxNamespaces bounds how many namespaces are tried one by one, where a kind
// may not be listed in all.
const maxNamespaces = 50

// kind reads one kind, where the query asks for it.
func (r *reading) kind(ctx context.Context, i mesh.Info) {
	switch {
	case i.Kind == mesh.Namespaces:
		r.allNamespaces(ctx, i)
	case !i.Namespaced || len(r.namespaces) == 0:
		r.everywhere(ctx, i)
	case slices.Contains(r.anywhere, i.Kind):
		err := r.lists(ctx, listings(i, "")...)
		if err == nil {
			r.read(i.Kind, "")
			return
		}
		r.missed(i.Kind, "", err)
		r.each(ctx, i, r.namespaces)
	default:
		r.each(ctx, i, r.namespaces)
	}
}

// listings are the lists that make up a kind in a namespace. Of ConfigMaps
// only those are asked for that every namespace may have; a control plane's
// are read when it is found.
func listings(i mesh.Info, namespace string) []listing {
	switch i.Kind {
	case mesh.Events:
		return []listing{{info: i, namespace: namespace, fields: "type=" + core.EventTypeWarning}}
	case mesh.ConfigMaps:
		return []listing{
			{info: i, namespace: namespace, fields: "metadata.name=" + rootCertConfigMap},
			{info: i, namespace: namespace, fields: "metadata.name=" + cniConfigMap},
		}
	}
	return []listing{{info: i, namespace: namespace}}
}

func (r *reading) lists(ctx context.Context, ls ...listing) error {
	var objs []runtime.Object
	for _, l := range ls {
		more, err := r.list(ctx, l)
		if err != nil {
			return r.absent(l.info, err)
		}
		objs = append(objs, more...)
	}
	r.keep(ls[0].info.Kind, objs)
	return nil
}

// everywhere reads a kind in all namespaces, one by one where it must.
func (r *reading) everywhere(ctx context.Context, i mesh.Info) {
	err := r.lists(ctx, listings(i, "")...)
	if err == nil {
		r.read(i.Kind, "")
		return
	}
	if i.Namespaced && apierrors.IsForbidden(err) {
		if names, listed := r.known(); listed == nil && len(names) <= maxNamespaces {
			if r.each(ctx, i, names) > 0 {
				return
			}
			r.forget(i.Kind)
		}
	}
	r.missed(i.Kind, "", err)
}

// each reads a kind in some namespaces, and says in how many of them it could.
func (r *reading) each(ctx context.Context, i mesh.Info, namespaces []string) int {
	var all sync.WaitGroup
	errs := make([]error, len(namespaces))
	for n, ns := range namespaces {
		r.fallbacks <- struct{}{}
		all.Go(func() {
			defer func() { <-r.fallbacks }()
			errs[n] = r.lists(ctx, listings(i, ns)...)
		})
	}
	all.Wait()
	ok := 0
	for n, ns := range namespaces {
		if errs[n] == nil {
			r.read(i.Kind, ns)
			ok++
			continue
		}
		r.missed(i.Kind, ns, errs[n])
	}
	return ok
}

// forget drops the gaps of single namespaces, for one that says it of all.
func (r *reading) forget(k mesh.Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.gaps[:0]
	for _, g := range r.gaps {
		if g.Kind != k {
			kept = append(kept, g)
		}
	}
	r.gaps = kept
}

// allNamespaces reads the Namespaces, or those asked for where they may not be
// listed: who may read a namespace's objects may often read the namespace too.
func (r *reading) allNamespaces(ctx context.Context, i mesh.Info) {
	_, err := r.known()
	if err == nil {
		r.read(i.Kind, "")
		return
	}
	r.missed(i.Kind, "", err)
	if !apierrors.IsForbidden(err) {
		return
	}
	for _, name := range r.namespaces {
		ns, err := r.namespace(ctx, name)
		switch {
		case err == nil:
			r.keep(i.Kind, []runtime.Object{ns})
			r.read(i.Kind, name)
		case apierrors.IsNotFound(err):
			r.read(i.Kind, name)
		}
	}
}

// listNamespaces returns the names of all namespaces; it keeps the objects.
func (r *reading) listNamespaces(ctx context.Context) ([]string, error) {
	i, _ := mesh.Lookup(mesh.Namespaces)
	objs, err := r.list(ctx, listing{info: i})
	if err != nil {
		return nil, err
	}
	if r.wants(mesh.Namespaces) {
		r.keep(i.Kind, objs)
	}
	var names []string
	for _, o := range objs {
		if ns, ok := o.(*core.Namespace); ok {
			names = append(names, ns.Name)
		}
	}
	return names, nil
}

func (r *reading) namespace(ctx context.Context, name string) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	ns := &core.Namespace{}
	res := r.rest.Get().AbsPath("api", "v1", "namespaces", name).MaxRetries(maxRetries).Do(ctx)
	if err := res.Error(); err != nil {
		r.answered(ctx, err)
		return nil, err
	}
	if err := res.Into(ns); err != nil {
		return nil, err
	}
	return r.reducer.reduce(ns), nil
}
