package inject

import (
	"fmt"

	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/informerfactory"
	"istio.io/istio/pkg/kube/kubetypes"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
)

// nodeClient is a client that knows a cluster's nodes and nothing else; it
// talks to no API server. Istio's own fake client would link every fake
// clientset there is.
func nodeClient(nodes []*core.Node) kube.Client {
	informer := cache.NewSharedIndexInformer(&cache.ListWatch{}, &core.Node{}, 0, cache.Indexers{})
	for i, n := range nodes {
		if n.Name == "" {
			n = n.DeepCopy()
			n.Name = fmt.Sprintf("node-%d", i)
		}
		_ = informer.GetStore().Add(n) // fails for what has no name alone
	}
	return client{nodes: nodeInformers{informer: informer}}
}

// client answers what the webhook asks of one; any other call is a nil
// dereference, which the tests would show.
type client struct {
	kube.Client
	nodes nodeInformers
}

// Informers returns the informer of nodes.
func (c client) Informers() informerfactory.InformerFactory { return c.nodes }

// ClusterID is not used: the webhook finds the client by the name it was added
// under.
func (c client) ClusterID() cluster.ID { return "" }

type nodeInformers struct {
	informerfactory.InformerFactory
	informer cache.SharedIndexInformer
}

// InformerFor returns the filled informer, whatever it is asked for.
func (n nodeInformers) InformerFor(schema.GroupVersionResource, kubetypes.InformerOptions, informerfactory.NewInformerFunc) informerfactory.StartableInformer {
	return informerfactory.StartableInformer{Informer: n.informer}
}
