package cluster

import (
	"context"
	"slices"
	"sync"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// planeKinds are read in the control planes' namespaces whatever namespaces
// the query names: they decide whether injection works.
func planeKinds() []mesh.Kind {
	return []mesh.Kind{
		mesh.Pods, mesh.Services, mesh.Events, mesh.ResourceQuotas, mesh.EndpointSlices, mesh.NetworkPolicies,
		mesh.Deployments, mesh.ReplicaSets, mesh.DaemonSets, mesh.Autoscalers,
	}
}

// landmarks looks in all namespaces for what tells where control planes are,
// when the query is about few. What it may not see is no gap: webhooks tell
// too, and the namespace is read as such afterwards.
func (r *reading) landmarks(ctx context.Context) {
	if len(r.namespaces) == 0 {
		return
	}
	var all sync.WaitGroup
	for k, l := range map[mesh.Kind]listing{
		mesh.Deployments: {labels: "app=istiod"},
		mesh.DaemonSets:  {labels: "k8s-app=istio-cni-node"},
		mesh.ConfigMaps:  {fields: "metadata.name=" + cniConfigMap},
	} {
		if !r.wants(k) {
			continue
		}
		l.info, _ = mesh.Lookup(k)
		all.Go(func() {
			if objs, err := r.list(ctx, l); err == nil {
				r.keep(k, objs)
			}
		})
	}
	all.Wait()
}

// controlPlanes reads the namespaces of the control planes found so far, and
// kube-apiserver's static pods.
func (r *reading) controlPlanes(ctx context.Context) {
	var all sync.WaitGroup
	for _, ns := range r.planeNamespaces() {
		for _, k := range planeKinds() {
			i, _ := mesh.Lookup(k)
			if r.wants(k) && !r.asked(k, ns) {
				all.Go(func() { r.each(ctx, i, []string{ns}) })
			}
		}
		if i, _ := mesh.Lookup(mesh.ConfigMaps); r.wants(i.Kind) {
			all.Go(func() { r.planeConfig(ctx, i, ns) })
		}
	}
	if !r.asked(mesh.Pods, systemNamespace) && r.wants(mesh.Pods) {
		i, _ := mesh.Lookup(mesh.Pods)
		all.Go(func() {
			l := listing{info: i, namespace: systemNamespace, labels: "component=" + apiServerContainer}
			if err := r.lists(ctx, l); err != nil {
				r.missed(i.Kind, systemNamespace, err)
			}
		})
	}
	all.Wait()
}

const systemNamespace = "kube-system"

// planeConfig reads the mesh's and the injector's ConfigMaps, whose names
// differ by revision.
func (r *reading) planeConfig(ctx context.Context, i mesh.Info, namespace string) {
	if err := r.lists(ctx, listing{info: i, namespace: namespace}); err != nil {
		r.missed(i.Kind, namespace, err)
		return
	}
	if !r.covered(i.Kind, namespace) {
		r.read(i.Kind, namespace)
	}
}

// planeNamespaces are where control planes are; istio-system when none was
// found, unless it is known not to be there.
func (r *reading) planeNamespaces() []string {
	var found []string
	for _, cp := range mesh.ControlPlanes(r.objects.snapshot()) {
		if cp.Namespace != "" && !slices.Contains(found, cp.Namespace) {
			found = append(found, cp.Namespace)
		}
	}
	if len(found) > 0 {
		return found
	}
	if r.wants(mesh.Namespaces) {
		if names, err := r.known(); err == nil && !slices.Contains(names, istioNamespace) {
			return nil
		}
	}
	return []string{istioNamespace}
}

const istioNamespace = "istio-system"
