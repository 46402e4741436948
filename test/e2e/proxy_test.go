//go:build sandbox

package e2e_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// misbehaviour decides about one request: it answers by itself and returns true, or leaves it to the API server.
type misbehaviour func(w http.ResponseWriter, r *http.Request) bool

// misbehaviours are the modes of the proxy.
//
//	fail RESOURCE…     500 for these resources
//	hang RESOURCE…     no answer for these, ever
//	busy RESOURCE…     429 with Retry-After for these
//	garble RESOURCE…   200 with a page of HTML
//	cut RESOURCE…      the connection breaks within the answer
//	missing RESOURCE…  404 for these
//	slow DURATION      every answer takes that long
//	die N              after N requests nothing answers any more, and connections break
func misbehaviours(mode string, args []string) (misbehaviour, error) {
	only := func(f http.HandlerFunc) misbehaviour {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !asksFor(r, args) {
				return false
			}
			f(w, r)
			return true
		}
	}
	switch mode {
	case "fail":
		return only(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "etcdserver: leader changed", http.StatusInternalServerError)
		}), nil
	case "hang":
		return only(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), nil
	case "busy":
		return only(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many requests", http.StatusTooManyRequests)
		}), nil
	case "missing":
		return only(http.NotFound), nil
	case "garble":
		return only(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>\x1b[31mlogin</html>") }), nil
	case "cut":
		return only(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, `{"kind":"List","items":[`)
			panic(http.ErrAbortHandler)
		}), nil
	case "slow":
		return slow(args)
	case "die":
		return die(args)
	}
	return nil, fmt.Errorf("proxy: unknown mode %q", mode)
}

// asksFor tells whether a request is for one of these resources: a part of the path has that name.
func asksFor(r *http.Request, resources []string) bool {
	return slices.ContainsFunc(strings.Split(r.URL.Path, "/"), func(part string) bool { return slices.Contains(resources, part) })
}

func slow(args []string) (misbehaviour, error) {
	d, err := time.ParseDuration(strings.Join(args, ""))
	return func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-r.Context().Done():
		case <-time.After(d):
		}
		return false
	}, err
}

func die(args []string) (misbehaviour, error) {
	var after int64
	if _, err := fmt.Sscan(strings.Join(args, ""), &after); err != nil {
		return nil, err
	}
	var seen atomic.Int64
	return func(http.ResponseWriter, *http.Request) bool {
		if seen.Add(1) > after {
			panic(http.ErrAbortHandler)
		}
		return false
	}, nil
}

// proxy puts a misbehaving proxy before the API server and makes it the script's cluster. It calls the API server as
// cluster admin, whoever asks.
func (w *world) proxy(ts *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return usage("proxy MODE [ARG …]")
	}
	bad, err := misbehaviours(args[0], args[1:])
	if err != nil {
		return err
	}
	path, err := w.before(ts, func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !bad(rw, r) {
				api.ServeHTTP(rw, r)
			}
		})
	})
	if err == nil {
		ts.Setenv("KUBECONFIG", path)
	}
	return err
}

// before puts what made makes of the API server before it, until the script ends, and returns a kubeconfig for that.
func (w *world) before(ts *testscript.TestScript, made func(api http.Handler) http.Handler) (kubeconfig string, err error) {
	target, err := url.Parse(w.sandbox.APIServerURL())
	if err != nil {
		return "", err
	}
	transport, err := rest.TransportFor(w.sandbox.REST())
	if err != nil {
		return "", err
	}
	cert, key := w.sandbox.ServerCertificate()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := httptest.NewUnstartedServer(made(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport}))
	server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.EnableHTTP2 = true
	server.StartTLS()
	ts.Defer(func() {
		server.CloseClientConnections()
		server.Close()
	})
	path := filepath.Join(ts.Getenv("HOME"), "proxy.kubeconfig")
	return path, w.proxyConfig(path, server.URL)
}

// proxyConfig is the admin's kubeconfig with another server.
func (w *world) proxyConfig(path, server string) error {
	config := api.NewConfig()
	config.Clusters["bad"] = &api.Cluster{Server: server, CertificateAuthorityData: w.sandbox.CA()}
	config.AuthInfos["bad"] = &api.AuthInfo{}
	config.Contexts["bad"] = &api.Context{Cluster: "bad", AuthInfo: "bad"}
	config.CurrentContext = "bad"
	return clientcmd.WriteToFile(*config, path)
}
