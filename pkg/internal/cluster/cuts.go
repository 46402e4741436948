package cluster

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// What reduce drops anyway is cut from protobuf before it is decoded, since
// decoding is most of the work. The numbers are those of
// k8s.io/apimachinery v0.35.0, pkg/apis/meta/v1/generated.proto, and
// k8s.io/api v0.35.0, {core,apps}/v1/generated.proto. Nothing in these tables
// is written to.
var (
	cutAnnotations = &cut{key: keepAnnotation}

	// of ObjectMeta, for meta, owned and baseMeta
	cutMeta  = &cut{only: []int{1, 2, 3, 7, 8, 9, 11, 12, 13}, in: map[int]*cut{12: cutAnnotations}}
	cutOwned = &cut{only: []int{1, 2, 3, 7, 8, 9, 11, 12, 13, 17}, in: map[int]*cut{12: cutAnnotations, 17: {not: []int{7}}}}
	cutBase  = &cut{in: map[int]*cut{12: cutAnnotations}}

	// of objects
	plainObject = &cut{in: map[int]*cut{1: cutMeta}}
	ownedObject = &cut{in: map[int]*cut{1: cutOwned}}
	baseObject  = &cut{in: map[int]*cut{1: cutBase}}

	cutContainerStatus = &cut{only: []int{1, 2, 3, 4, 5, 9}}
	cutPodStatus       = &cut{only: []int{1, 2, 3, 4, 5, 6, 7, 8, 10}, in: map[int]*cut{8: cutContainerStatus, 10: cutContainerStatus}}
	barePod            = &cut{in: map[int]*cut{1: cutMeta, 3: cutPodStatus}}
	// Containers are cut and decoded by themselves.
	controlledPod   = &cut{in: map[int]*cut{1: cutMeta, 2: {only: []int{3, 6, 8, 10, 11, 14}}, 3: cutPodStatus}}
	cutContainer    = &cut{only: []int{1, 2, 6, 8, 15, 24}}
	istioContainers = &cut{only: []int{1, 2, 3, 4, 6, 7, 8, 15, 24}, in: map[int]*cut{7: {key: keepPodEnv}}}

	// A ReplicaSet of a Deployment keeps neither template nor selector.
	deploymentsSet = &cut{in: map[int]*cut{1: cutMeta, 2: {not: []int{2, 3}}}}
)

// cutOf is what is cut from an object of a kind.
func cutOf(k mesh.Kind, object []byte) *cut {
	switch k {
	case mesh.Pods:
		if owner := controllerKind(object); owner != "" && owner != "Node" {
			return controlledPod
		}
		return barePod
	case mesh.ReplicaSets:
		if controllerKind(object) == "Deployment" {
			return deploymentsSet
		}
		return plainObject
	case mesh.Namespaces, mesh.MutatingWebhooks, mesh.ValidatingWebhooks:
		return baseObject
	case mesh.Nodes, mesh.EndpointSlices, mesh.Jobs, mesh.Events:
		return plainObject
	}
	return ownedObject
}

// controllerKind is the kind of an object's controller, empty for none.
func controllerKind(object []byte) string {
	meta := lookup(object, 1)
	for len(meta) > 0 {
		f, rest, err := firstField(meta)
		if err != nil {
			return ""
		}
		if f.number == 13 && isTrue(f.value, 6) {
			return string(lookup(f.value, 1))
		}
		meta = rest
	}
	return ""
}
