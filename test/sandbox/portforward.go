package sandbox

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
)

// portForwardProtocol and the two streams of each connection, error and data, are what kube-apiserver and kubelet
// speak (k8s.io/kubelet, pkg/cri/streaming/portforward, v0.35).
const portForwardProtocol = "portforward.k8s.io"

// servePortForward answers a port-forward; dial opens a connection to a port of the pod.
func servePortForward(w http.ResponseWriter, r *http.Request, dial func(ctx context.Context, port int) (net.Conn, error)) {
	if _, err := httpstream.Handshake(r, w, []string{portForwardProtocol}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	streams := make(chan httpstream.Stream)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		select {
		case streams <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	waiting := map[string]forwardStreams{}
	for {
		select {
		case <-conn.CloseChan():
			return
		case s := <-streams:
			id := s.Headers().Get(corev1.PortForwardRequestIDHeader)
			f := waiting[id]
			f.take(s)
			waiting[id] = f
			if f.data == nil || f.err == nil {
				continue
			}
			delete(waiting, id)
			go func() {
				defer conn.RemoveStreams(f.data, f.err)
				f.forward(ctx, dial)
			}()
		}
	}
}

// forwardStreams are the streams of one forwarded connection.
type forwardStreams struct{ data, err httpstream.Stream }

func (f *forwardStreams) take(s httpstream.Stream) {
	if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
		f.err = s
		return
	}
	f.data = s
}

// forward copies in both directions until the pod's side is done or ctx ends.
func (f *forwardStreams) forward(ctx context.Context, dial func(context.Context, int) (net.Conn, error)) {
	defer f.data.Close()
	defer f.err.Close()
	port, err := strconv.Atoi(f.data.Headers().Get(corev1.PortHeader))
	if err != nil {
		fmt.Fprintf(f.err, "port: %v", err)
		return
	}
	target, err := dial(ctx, port)
	if err != nil {
		fmt.Fprint(f.err, err)
		return
	}
	defer target.Close()
	defer context.AfterFunc(ctx, func() { target.Close() })()
	go func() {
		_, _ = io.Copy(target, f.data) // an end of either side ends the other, below
		if half, ok := target.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, _ = io.Copy(f.data, target) // either side has gone: nobody to tell
}
