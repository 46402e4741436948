package cluster

import (
	"fmt"
	"sync"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// unpacker makes reduced objects of protobuf. It is safe for use by several
// goroutines.
type unpacker struct {
	reducer *reducer

	mu         sync.Mutex
	containers map[string]podContainers // by their encoding
}

// podContainers are what is kept of a pod's containers.
type podContainers struct{ containers, init []core.Container }

func newUnpacker(r *reducer) *unpacker {
	return &unpacker{reducer: r, containers: map[string]podContainers{}}
}

// message is an object that protobuf can be decoded into.
type message interface {
	runtime.Object
	Reset()
	Unmarshal([]byte) error
}

// workspace is what the objects of a list are unpacked with: each object is cut into the same bytes
// and decoded into the same object, of which reduce takes what is kept.
type workspace struct {
	info   mesh.Info
	bytes  []byte
	object message
}

func newWorkspace(i mesh.Info) (*workspace, error) {
	o, err := scheme.Scheme.New(i.Object)
	if err != nil {
		return nil, err
	}
	m, ok := o.(message)
	if !ok {
		return nil, fmt.Errorf("%s cannot be read from protobuf", i.Kind)
	}
	return &workspace{info: i, object: m}, nil
}

// object decodes and reduces an object, nil when none of it is kept. It does
// not hold on to raw.
func (u *unpacker) object(b *workspace, raw []byte) (kept runtime.Object, err error) {
	c := cutOf(b.info.Kind, raw)
	if b.bytes, err = c.apply(b.bytes[:0], raw); err != nil {
		return nil, err
	}
	b.object.Reset()
	if err := b.object.Unmarshal(b.bytes); err != nil {
		return nil, err
	}
	kept = u.reducer.reduce(b.object)
	if p, ok := kept.(*core.Pod); ok && c == controlledPod {
		list, err := u.podContainers(b, lookup(raw, 2))
		if err != nil {
			return nil, err
		}
		p.Spec.Containers, p.Spec.InitContainers = list.containers, list.init
	}
	return kept, nil
}

// podContainers decodes and reduces the containers of a pod's spec, once for
// all pods that have the same.
func (u *unpacker) podContainers(b *workspace, spec []byte) (list podContainers, err error) {
	b.bytes = b.bytes[:0]
	for len(spec) > 0 {
		f, rest, err := firstField(spec)
		if err != nil {
			return podContainers{}, err
		}
		spec = rest
		if f.number != 2 && f.number != 20 {
			continue
		}
		c := cutContainer
		if name := string(lookup(f.value, 1)); istioContainer(name) || name == apiServerContainer {
			c = istioContainers
		}
		if b.bytes, err = c.embed(b.bytes, f); err != nil {
			return podContainers{}, err
		}
	}
	u.mu.Lock()
	list, ok := u.containers[string(b.bytes)]
	u.mu.Unlock()
	if ok {
		return list, nil
	}
	var s core.PodSpec
	if err := s.Unmarshal(b.bytes); err != nil {
		return podContainers{}, err
	}
	list = podContainers{u.reducer.podContainers(s.Containers), u.reducer.podContainers(s.InitContainers)}
	u.mu.Lock()
	u.containers[string(b.bytes)] = list
	u.mu.Unlock()
	return list, nil
}
