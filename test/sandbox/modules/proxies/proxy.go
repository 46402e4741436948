package main

import (
	"context"
	"errors"
	"sync"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"istio.io/istio/pkg/adsc"
	"istio.io/istio/pkg/log"
)

// proxy is the stand-in of one pod.
type proxy struct {
	name    podName
	istiod  string
	uid     string
	config  adsc.Config
	cancel  context.CancelFunc
	store   *store
	started time.Time

	mu        sync.Mutex
	behaviour behaviour
	changed   chan struct{} // closed when behaviour changes
	stream    *stream       // nil while there is no connection
}

// behaviour is what a test asked a proxy to do; the zero value is what a sound one does.
type behaviour struct {
	Lag    time.Duration `json:"lag"`    // each message from istiod counts this much later than it came
	Held   bool          `json:"held"`   // messages wait until this is false again
	Refuse bool          `json:"refuse"` // new configuration is answered with a NACK and not used
	Silent bool          `json:"silent"` // requests to its ports are not answered until this is false again
}

// status is what the list of proxies says of one.
type status struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Connected bool   `json:"connected"` // to istiod
	Ready     bool   `json:"ready"`     // has all the configuration that it asked for
	Waiting   int64  `json:"waiting"`   // messages from istiod that do not count yet
	behaviour
}

// retry is how long a proxy waits before it connects again. Envoy starts with 0.5 s and goes up to 30 s.
const retry = 500 * time.Millisecond

var errRefused = errors.New("the sandbox was told to refuse this configuration")

func newProxy(name podName, pod podSpec) (*proxy, error) {
	config, err := clientConfig(name, pod)
	if err != nil {
		return nil, err
	}
	return &proxy{name: name, uid: pod.UID, istiod: pod.Istiod, config: config, store: newStore(), started: time.Now(), changed: make(chan struct{})}, nil
}

func (p *proxy) setBehaviour(b behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *proxy) now() (behaviour, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behaviour, p.changed
}

func (p *proxy) status() status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := status{
		Namespace: p.name.namespace, Name: p.name.name, UID: p.uid, Connected: p.stream != nil, Ready: p.store.ready(),
		behaviour: p.behaviour,
	}
	if p.stream != nil {
		s.Waiting = p.stream.waiting.Load()
	}
	return s
}

// admit waits until a message that arrived at that time counts, and tells whether it is to be refused.
func (p *proxy) admit(ctx context.Context, arrived time.Time) (refuse bool, err error) {
	for {
		b, changed := p.now()
		wait := time.Until(arrived.Add(b.Lag))
		if !b.Held && wait <= 0 {
			return b.Refuse, nil
		}
		var due <-chan time.Time
		if !b.Held {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-changed:
		case <-due:
		}
	}
}

// run keeps the proxy connected until ctx ends.
func (p *proxy) run(ctx context.Context) {
	for ctx.Err() == nil {
		p.connect(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// connect runs one connection until it breaks. Each has a client of its own: a client that connects again by itself
// does not ask anew for the routes and endpoints that it had (adsc/delta.go keeps its tree, 1.29.1).
func (p *proxy) connect(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config := p.config
	refused := false
	config.GrpcOpts = []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStreamInterceptor(func(sctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			inner, err := streamer(sctx, desc, cc, method, opts...)
			if err != nil {
				log.Warnf("%s: %v", p.name, err)
				cancel()
				return nil, err
			}
			s := newStream(sctx, inner, p, cancel, &refused)
			p.setStream(s)
			return s, nil
		}),
	}
	refuses := func(h adsc.HandlerContext) bool {
		if refused {
			h.Reject(errRefused)
		}
		return refused
	}
	adsc.NewDelta(p.istiod, &adsc.DeltaADSConfig{Config: config},
		adsc.Watch[*cluster.Cluster]("*"),
		adsc.Watch[*listener.Listener]("*"),
		adsc.Register(func(h adsc.HandlerContext, name, _ string, c *cluster.Cluster, e adsc.Event) {
			if e == adsc.EventAdd && !refuses(h) {
				refs := clusterRefs(c)
				p.store.refer(typeCluster, name, refs)
				h.RegisterDependency(typeEndpoint, refs...)
			}
		}),
		adsc.Register(func(h adsc.HandlerContext, name, _ string, l *listener.Listener, e adsc.Event) {
			if e == adsc.EventAdd && !refuses(h) {
				refs := listenerRefs(l)
				p.store.refer(typeListener, name, refs)
				h.RegisterDependency(typeRoute, refs...)
			}
		}),
		adsc.Register(func(h adsc.HandlerContext, _, _ string, _ *endpoint.ClusterLoadAssignment, e adsc.Event) {
			refuses(h)
		}),
		adsc.Register(func(h adsc.HandlerContext, _, _ string, _ *route.RouteConfiguration, e adsc.Event) {
			refuses(h)
		}),
	).Run(ctx)
	p.setStream(nil)
}

func (p *proxy) setStream(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stream = s
}

// String is the name as NAMESPACE/NAME.
func (n podName) String() string { return n.namespace + "/" + n.name }
