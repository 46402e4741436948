package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"istio.io/istio/pkg/log"
)

// tunnels serves HTTP on connections that were opened to a port of a proxy.
type tunnels struct{ conns chan net.Conn }

// tunnel is a connection that knows whom it leads to.
type tunnel struct {
	net.Conn
	handler http.Handler
}

type handlerKey struct{}

func newTunnels() *tunnels { return &tunnels{conns: make(chan net.Conn)} }

func (t *tunnels) add(conn net.Conn, handler http.Handler) {
	// The server around the connection set a deadline for its header.
	_ = conn.SetDeadline(time.Time{})
	t.conns <- tunnel{conn, handler}
}

func (t *tunnels) serve() {
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, handlerKey{}, c.(tunnel).handler)
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Context().Value(handlerKey{}).(http.Handler).ServeHTTP(w, r)
		}),
	}
	log.Errorf("tunnels: %v", server.Serve(t))
}

// Accept, Close and Addr make tunnels a net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	conn, ok := <-t.conns
	if !ok {
		return nil, errors.New("closed")
	}
	return conn, nil
}

// Close does nothing: connections are handed over by those who end them.
func (t *tunnels) Close() error { return nil }

// Addr is no address: nothing is dialled.
func (t *tunnels) Addr() net.Addr { return &net.TCPAddr{} }
