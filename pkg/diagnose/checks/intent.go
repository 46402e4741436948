package checks

import (
	"slices"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// intentKinds are the kinds of objects that show that somebody means a
// namespace to be in the mesh.
func intentKinds() []mesh.Kind {
	return []mesh.Kind{mesh.VirtualServices, mesh.DestinationRules, mesh.PeerAuthentications, mesh.AuthorizationPolicies}
}

// signs are what shows, of each namespace without injection labels, that it is
// meant to be in the mesh: sidecars that nothing would inject again, and
// routing, mTLS or access rules that live there. Each is a phrase: "pod
// shop/api-0 has a sidecar".
func signs(p *diagnose.Pass) map[string][]string {
	by := map[string][]string{}
	byHand := handmade(p)
	for _, pod := range p.Snapshot.Pods {
		if !sidecarByNamespace(pod) || byHand[mesh.RefTo(mesh.Pods, pod.Namespace, pod.Name)] {
			continue
		}
		if len(by[pod.Namespace]) == 0 {
			by[pod.Namespace] = []string{"pod " + pod.Namespace + "/" + pod.Name + " has a sidecar"}
		}
	}
	for _, k := range intentKinds() {
		var told []string
		for _, o := range p.Snapshot.Config[k] {
			ns := o.GetNamespace()
			if !asksForNothing(o) && !slices.Contains(told, ns) {
				told = append(told, ns)
				by[ns] = append(by[ns], o.GetKind()+" "+ns+"/"+o.GetName()+" lives there")
			}
		}
	}
	return by
}

// sidecarByNamespace reports whether a pod carries a sidecar that its own
// labels did not ask for. A gateway, whose proxy is its only container, is no
// sidecar.
func sidecarByNamespace(p *core.Pod) bool {
	if mesh.Done(p) || !mesh.InMesh(p) || p.Annotations[mesh.StatusAnnotation] == "" {
		return false
	}
	if p.Labels[mesh.InjectLabel] == "true" || p.Labels[mesh.RevisionLabel] != "" {
		return false
	}
	return slices.ContainsFunc(p.Spec.Containers, func(c core.Container) bool { return c.Name != mesh.ProxyContainer })
}

// handmade are the pods whose controller's template brings the proxy: they
// were injected by hand, one workload at a time.
func handmade(p *diagnose.Pass) map[mesh.Ref]bool {
	by := map[mesh.Ref]bool{}
	all := p.Workloads
	if p.Scope.Workloads != nil {
		all = mesh.Workloads(p.Snapshot) // the neighbours of those asked about tell as much
	}
	for _, w := range all {
		if w.Meta == nil || w.Ref.Kind == "Pod" || !carriesProxy(w) {
			continue
		}
		for _, pod := range w.Pods {
			by[mesh.RefTo(mesh.Pods, pod.Namespace, pod.Name)] = true
		}
	}
	return by
}

// asksForNothing reports whether an object switches something off, and so
// shows no wish to be in the mesh: a PeerAuthentication of mode DISABLE.
func asksForNothing(o *unstructured.Unstructured) bool {
	mode, _, _ := unstructured.NestedString(o.Object, "spec", "mtls", "mode")
	return o.GetKind() == "PeerAuthentication" && mode == "DISABLE"
}
