package main

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"istio.io/istio/pkg/log"
)

// stream stands between Istio's client and the connection. It is where messages are held back and kept, and where
// two habits of the client (adsc/delta.go, 1.29.1) that a proxy does not have are put right:
//   - it sends a change of its subscriptions with the nonce of another type, which istiod takes for outdated;
//   - it unsubscribes from what another resource still needs, and ends the process over a removed endpoint or route
//     whose cluster or listener went before.
type stream struct {
	grpc.ClientStream
	ctx        context.Context
	proxy      *proxy
	end        context.CancelFunc
	refused    *bool // the message that was received last is to be refused
	arrivals   chan arrival
	waiting    atomic.Int64 // messages that came and do not count yet
	subscribed map[string]map[string]bool
	received   map[string]bool // types of which something came on this stream
}

// arrival is a message, or the end of the stream, and when it came.
type arrival struct {
	message *discovery.DeltaDiscoveryResponse
	err     error
	at      time.Time
}

func newStream(ctx context.Context, inner grpc.ClientStream, p *proxy, end context.CancelFunc, refused *bool) *stream {
	s := &stream{
		ClientStream: inner, ctx: ctx, proxy: p, end: end, refused: refused,
		arrivals: make(chan arrival, 1000), subscribed: map[string]map[string]bool{}, received: map[string]bool{},
	}
	go s.read()
	return s
}

// read notes when each message comes.
func (s *stream) read() {
	for {
		m := &discovery.DeltaDiscoveryResponse{}
		err := s.ClientStream.RecvMsg(m)
		if err == nil {
			s.waiting.Add(1)
		}
		select {
		case s.arrivals <- arrival{message: m, err: err, at: time.Now()}:
		case <-s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// RecvMsg gives the client the next message once it counts.
func (s *stream) RecvMsg(m any) error {
	var a arrival
	select {
	case a = <-s.arrivals:
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	refuse, err := s.proxy.admit(s.ctx, a.at)
	if err == nil {
		err = a.err
	}
	if err != nil {
		log.Warnf("%s: disconnected: %v", s.proxy.name, err)
		s.end()
		return err
	}
	s.waiting.Add(-1)
	*s.refused = refuse && len(a.message.Resources) > 0
	if !*s.refused {
		s.proxy.store.apply(a.message, !s.received[a.message.TypeUrl])
		s.received[a.message.TypeUrl] = true
	}
	if t := a.message.TypeUrl; t == typeEndpoint || t == typeRoute {
		a.message.RemovedResources = nil
	}
	out := m.(*discovery.DeltaDiscoveryResponse)
	proto.Reset(out)
	proto.Merge(out, a.message)
	return nil
}

// SendMsg sends what the client says: a refusal with Envoy's code, and a change of subscriptions as Envoy would send
// it, without a nonce and only what is new.
func (s *stream) SendMsg(m any) error {
	req := m.(*discovery.DeltaDiscoveryRequest)
	if req.ErrorDetail != nil {
		// The client says the reason again for each resource of the message.
		req.ErrorDetail = &rpc.Status{Code: int32(codes.Internal), Message: errRefused.Error()}
	}
	if len(req.ResourceNamesSubscribe)+len(req.ResourceNamesUnsubscribe) == 0 {
		return s.ClientStream.SendMsg(req)
	}
	have := s.subscribed[req.TypeUrl]
	if have == nil {
		have = map[string]bool{}
		s.subscribed[req.TypeUrl] = have
	}
	fresh := map[string]bool{}
	for _, name := range req.ResourceNamesSubscribe {
		if !have[name] {
			fresh[name] = true
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	maps.Copy(have, fresh)
	req.ResourceNamesSubscribe = slices.Sorted(maps.Keys(fresh))
	req.ResourceNamesUnsubscribe = nil
	req.ResponseNonce = ""
	return s.ClientStream.SendMsg(req)
}
