package sandbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// kubeletPort is the HTTPS server at the port that nodes name as their kubelet's. It gives the logs of istiod pods,
// forwards ports of pods whose proxy is played, which kwok could not tell apart without a rule for each, and sends the
// rest to kwok, a port-forward to an istiod pod under the name of its set of ports.
type kubeletPort struct {
	server   *http.Server
	listener net.Listener
}

func (s *Sandbox) startKubeletPort() (*kubeletPort, error) {
	k := s.kubelet
	target, err := url.Parse("https://127.0.0.1:" + strconv.Itoa(s.ports.kwok()))
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.URL.Path = k.kwokPath(r.In.URL.Path)
		},
		Transport:     s.http.Transport,
		FlushInterval: -1,
	}
	cert, err := tls.LoadX509KeyPair(s.ServerCertificate())
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.hostIP, strconv.Itoa(s.ports.kubelet())))
	if err != nil {
		return nil, fmt.Errorf("kubelet port: %w", err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if path, ok := k.istiodLog(r.URL.Path); ok {
				serveLog(w, r, path)
				return
			}
			if dial := s.proxyDialer(r.URL.Path); dial != nil {
				servePortForward(w, r, dial)
				return
			}
			proxy.ServeHTTP(w, r)
		}),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}},
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // a port-forward needs HTTP/1.1
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { _ = server.ServeTLS(listener, "", "") }() // it always ends with an error, that it was closed
	return &kubeletPort{server: server, listener: listener}, nil
}

func (p *kubeletPort) stop() { _ = p.server.Close() } // nothing of it is kept

// kwokPath is the path under which kwok serves what was asked for.
func (k *kubelet) kwokPath(path string) string {
	part := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(part) < 3 || part[0] != "portForward" {
		return path
	}
	pod, ok := k.pod(part[1], part[2])
	if !ok {
		return path
	}
	part[1] = slotNamespace(portsOf(discoveryContainer(pod)))
	return "/" + strings.Join(part, "/")
}

// proxyDialer opens ports of the pod that a port-forward's path names; nil when no proxy is played for it.
func (s *Sandbox) proxyDialer(path string) func(context.Context, int) (net.Conn, error) {
	part := strings.Split(strings.TrimPrefix(path, "/"), "/")
	keeper := s.proxies.Load()
	if keeper == nil || len(part) < 3 || part[0] != "portForward" || !keeper.plays(part[1], part[2]) {
		return nil
	}
	return func(ctx context.Context, port int) (net.Conn, error) { return keeper.dial(ctx, part[1], part[2], port) }
}

// istiodLog is the log of the istiod pod that path asks for.
func (k *kubelet) istiodLog(path string) (string, bool) {
	part := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(part) != 4 || part[0] != "containerLogs" {
		return "", false
	}
	pod, ok := k.pod(part[1], part[2])
	if !ok {
		return "", false
	}
	return k.logPath(pod), true
}

// serveLog writes a log file; with follow it goes on until the client goes away. Of kubelet's other parameters it
// knows tailLines.
func serveLog(w http.ResponseWriter, r *http.Request, path string) {
	f, err := os.Open(path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
		content = tail(content, n)
	}
	_, err = w.Write(content)
	for err == nil && r.URL.Query().Get("follow") == "true" {
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
		_, err = io.Copy(w, f)
	}
}

// tail is the last n lines of a log.
func tail(content []byte, n int) []byte {
	lines := strings.SplitAfter(string(content), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return []byte(strings.Join(lines[max(0, len(lines)-n):], ""))
}
