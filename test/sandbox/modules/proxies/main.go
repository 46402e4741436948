// Command proxies stands in for the Envoy of every pod of a sandbox: one delta ADS connection to istiod for each pod,
// by Istio's own client (istio.io/istio/pkg/adsc), and what came over it in the format of Envoy's admin port. It
// carries no traffic.
//
// It listens on one address. The sandbox tells it over HTTP which pods there are and how they behave; CONNECT
// POD.NAMESPACE:PORT opens a connection to a port of a pod's proxy.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"istio.io/istio/pkg/log"
)

func main() {
	listen := flag.String("listen", "", "address to listen on")
	flag.Parse()
	if err := run(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "proxies:", err)
		os.Exit(1)
	}
}

func run(listen string) error {
	options := log.DefaultOptions()
	// The client ends the process with Fatalf where its own bookkeeping is in disorder, and says at info what comes in.
	options.SetDefaultOutputLevel("deltaadsc", log.NoneLevel)
	if err := log.Configure(options); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	f := newFleet()
	go f.tunnels.serve()
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}
