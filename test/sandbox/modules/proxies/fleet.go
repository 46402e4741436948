package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// fleet are the proxies by namespace and name of their pods.
type fleet struct {
	tunnels *tunnels

	mu      sync.Mutex
	proxies map[podName]*proxy
}

type podName struct{ namespace, name string }

func newFleet() *fleet {
	return &fleet{tunnels: newTunnels(), proxies: map[podName]*proxy{}}
}

func (f *fleet) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /proxies", f.list)
	mux.HandleFunc("PUT /proxies/{namespace}/{name}", f.put)
	mux.HandleFunc("DELETE /proxies/{namespace}/{name}", f.remove)
	mux.HandleFunc("PUT /proxies/{namespace}/{name}/behaviour", f.behave)
	mux.HandleFunc("GET /proxies/{namespace}/{name}/config_dump", f.dump)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			f.connect(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (f *fleet) find(name podName) *proxy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.proxies[name]
}

func (f *fleet) replace(name podName, p *proxy) {
	f.mu.Lock()
	old := f.proxies[name]
	delete(f.proxies, name)
	if p != nil {
		f.proxies[name] = p
	}
	f.mu.Unlock()
	if old != nil {
		old.cancel()
	}
}

func pathName(r *http.Request) podName {
	return podName{namespace: r.PathValue("namespace"), name: r.PathValue("name")}
}

// put starts the proxy of a pod anew.
func (f *fleet) put(w http.ResponseWriter, r *http.Request) {
	var pod podSpec
	if err := json.NewDecoder(r.Body).Decode(&pod); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := pathName(r)
	p, err := newProxy(name, pod)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.replace(name, p)
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	go p.run(ctx)
}

func (f *fleet) remove(_ http.ResponseWriter, r *http.Request) { f.replace(pathName(r), nil) }

// behave changes how a proxy behaves.
func (f *fleet) behave(w http.ResponseWriter, r *http.Request) {
	p := f.known(w, pathName(r))
	if p == nil {
		return
	}
	var b behaviour
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.setBehaviour(b)
}

func (f *fleet) dump(w http.ResponseWriter, r *http.Request) {
	if p := f.known(w, pathName(r)); p != nil {
		p.configDump(w, r)
	}
}

func (f *fleet) known(w http.ResponseWriter, name podName) *proxy {
	p := f.find(name)
	if p == nil {
		http.Error(w, fmt.Sprintf("no proxy runs for pod %s/%s", name.namespace, name.name), http.StatusNotFound)
	}
	return p
}

func (f *fleet) list(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	all := make([]status, 0, len(f.proxies))
	for _, p := range f.proxies {
		all = append(all, p.status())
	}
	f.mu.Unlock()
	slices.SortFunc(all, func(a, b status) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	_ = json.NewEncoder(w).Encode(all) // the caller has gone: nobody to tell
}

// connect turns the connection into one to a port of a proxy.
func (f *fleet) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	dot := strings.LastIndexByte(host, '.') // a pod's name may have dots, a namespace's may not
	p := f.known(w, podName{namespace: host[dot+1:], name: host[:max(dot, 0)]})
	if p == nil {
		return
	}
	handler := p.port(port)
	if handler == nil {
		http.Error(w, "connection refused", http.StatusServiceUnavailable)
		return
	}
	// Taken over before the answer: until then the caller says nothing that the server could have read already.
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
		conn.Close()
		return
	}
	f.tunnels.add(conn, handler)
}
