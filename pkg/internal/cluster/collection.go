package cluster

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// collection gathers objects in whatever order they come. It is safe for use
// by several goroutines.
type collection struct {
	mu    sync.Mutex
	kinds map[mesh.Kind]map[types.NamespacedName]runtime.Object
}

func newCollection() *collection {
	return &collection{kinds: map[mesh.Kind]map[types.NamespacedName]runtime.Object{}}
}

// add keeps an object; one of the same namespace and name gives way. Nil is
// passed over.
func (c *collection) add(k mesh.Kind, objs ...runtime.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	byName := c.kinds[k]
	if byName == nil {
		byName = map[types.NamespacedName]runtime.Object{}
		c.kinds[k] = byName
	}
	for _, o := range objs {
		if o == nil {
			continue
		}
		m, err := meta.Accessor(o)
		if err != nil {
			continue // every kind of a snapshot has metadata
		}
		byName[types.NamespacedName{Namespace: m.GetNamespace(), Name: m.GetName()}] = o
	}
}

// snapshot holds what was gathered, ordered by namespace and name.
func (c *collection) snapshot() *mesh.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &mesh.Snapshot{}
	for _, info := range mesh.Kinds() {
		byName := c.kinds[info.Kind]
		names := make([]types.NamespacedName, 0, len(byName))
		for n := range byName {
			names = append(names, n)
		}
		slices.SortFunc(names, func(a, b types.NamespacedName) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		for _, n := range names {
			info.Append(s, byName[n])
		}
	}
	return s
}
