package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	_ "istio.io/istio/pkg/config/xds" // what stands in an Any of istiod's resources
)

// version is what the stand-in says in the place of Envoy's version.
const version = "kubectl-mesh-sandbox/stand-in"

// port is what a proxy serves at a port; nil where nothing listens. 15000 is Envoy's admin port, 15020 and 15021 are
// those of pilot-agent's readiness.
func (p *proxy) port(number string) http.Handler {
	mux := http.NewServeMux()
	switch number {
	case "15000":
		mux.HandleFunc("GET /config_dump", p.configDump)
		mux.HandleFunc("GET /clusters", p.clusters)
		mux.HandleFunc("GET /ready", p.ready)
		mux.HandleFunc("GET /server_info", p.serverInfo)
	case "15020", "15021":
		mux.HandleFunc("GET /healthz/ready", p.ready)
	default:
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for b, changed := p.now(); b.Silent; b, changed = p.now() {
			select {
			case <-r.Context().Done():
				return
			case <-changed:
			}
		}
		mux.ServeHTTP(w, r)
	})
}

func (p *proxy) ready(w http.ResponseWriter, _ *http.Request) {
	if !p.store.ready() {
		http.Error(w, "PRE_INITIALIZING", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("LIVE\n")) // the caller has gone: nobody to tell
}

func (p *proxy) serverInfo(w http.ResponseWriter, _ *http.Request) {
	info := &admin.ServerInfo{Version: version, State: admin.ServerInfo_PRE_INITIALIZING, Node: p.node(), UptimeCurrentEpoch: durationpb.New(time.Since(p.started))}
	if p.store.ready() {
		info.State = admin.ServerInfo_LIVE
	}
	writeProto(w, info)
}

// node is the proxy as istiod knows it.
func (p *proxy) node() *core.Node {
	c := p.config
	return &core.Node{
		Id:       string(c.NodeType) + "~" + c.IP + "~" + c.Workload + "." + c.Namespace + "~" + c.Namespace + ".svc.cluster.local",
		Cluster:  "istio-proxy." + c.Namespace,
		Metadata: c.Meta, Locality: c.Locality, UserAgentName: version,
	}
}

// writeProto writes JSON as Envoy does: fields under their names in the proto file, a space a level.
func writeProto(w http.ResponseWriter, m proto.Message) {
	content, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var out bytes.Buffer
	if err := json.Indent(&out, content, "", " "); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = out.WriteTo(w) // the caller has gone: nobody to tell
}
