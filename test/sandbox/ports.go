package sandbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// A sandbox takes one block of ports, below the range from which Linux takes ports for outgoing connections.
const (
	portsFrom     = 20000
	portsTo       = 30000
	portsBlock    = 100
	portsRevision = 10 // the first port of the first revision, from the start of the block
	maxRevisions  = 16
)

// ports is a block of ports that belongs to one sandbox.
type ports struct {
	base    int
	release func()
}

func (p ports) etcd() int              { return p.base }
func (p ports) etcdPeer() int          { return p.base + 1 }
func (p ports) apiServer() int         { return p.base + 2 }
func (p ports) controllerManager() int { return p.base + 3 }
func (p ports) scheduler() int         { return p.base + 4 }
func (p ports) kwok() int              { return p.base + 5 }
func (p ports) kubelet() int           { return p.base + 6 }
func (p ports) proxies() int           { return p.base + 7 }

// istiodPorts are the ports on which one revision's istiod listens.
type istiodPorts struct {
	http, grpc, secureGRPC, webhook, monitoring int
}

// defaultIstiodPorts are istiod's own (istio.io/istio, pilot/cmd/pilot-discovery/app/cmd.go, 1.29.1).
func defaultIstiodPorts() istiodPorts {
	return istiodPorts{http: 8080, grpc: 15010, secureGRPC: 15012, webhook: 15017, monitoring: 15014}
}

// istiod is the n-th set of ports for a revision.
func (p ports) istiod(n int) istiodPorts {
	first := p.base + portsRevision + n*5
	return istiodPorts{http: first, grpc: first + 1, secureGRPC: first + 2, webhook: first + 3, monitoring: first + 4}
}

// to maps istiod's default port numbers to these.
func (p istiodPorts) to() map[int]int {
	d := defaultIstiodPorts()
	return map[int]int{
		d.http: p.http, d.grpc: p.grpc, d.secureGRPC: p.secureGRPC, d.webhook: p.webhook, d.monitoring: p.monitoring,
	}
}

// args are the flags of istiod that make it listen on these ports, without monitoring, which the chart sets.
func (p istiodPorts) args() []string {
	return []string{
		"--httpAddr=" + addr(p.http), "--grpcAddr=" + addr(p.grpc),
		"--secureGRPCAddr=" + addr(p.secureGRPC), "--httpsAddr=" + addr(p.webhook),
	}
}

func addr(port int) string { return ":" + strconv.Itoa(port) }

// takePorts finds a block in which every port is free and keeps other sandboxes out of it until release is called.
func takePorts() (ports, error) {
	blocks := (portsTo - portsFrom) / portsBlock
	for _, i := range rand.Perm(blocks) {
		p, err := takeBlock(portsFrom + i*portsBlock)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, errLocked) && !errors.Is(err, errPortTaken) {
			return ports{}, err
		}
	}
	return ports{}, fmt.Errorf("no %d free ports in a row between %d and %d", portsBlock, portsFrom, portsTo)
}

var errPortTaken = errors.New("port is taken")

func takeBlock(base int) (ports, error) {
	dir := filepath.Join(os.TempDir(), "kubectl-mesh-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return ports{}, err
	}
	unlock, err := tryLock(filepath.Join(dir, strconv.Itoa(base)+".lock"))
	if err != nil {
		return ports{}, err
	}
	for port := base; port < base+portsBlock; port++ {
		if err := portFree(port); err != nil {
			unlock()
			return ports{}, err
		}
	}
	return ports{base: base, release: unlock}, nil
}

// portFree tells whether a process could listen on port on all addresses.
func portFree(port int) error {
	l, err := net.Listen("tcp", addr(port))
	if err != nil {
		return fmt.Errorf("%w: %d", errPortTaken, port)
	}
	return l.Close()
}

// hostIP is an IPv4 address of this machine that may stand in an EndpointSlice: those of loopback and
// link-local may not (k8s.io/kubernetes, pkg/apis/core/validation, ValidateEndpointIP, v1.35).
func hostIP() (string, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("addresses of this machine: %w", err)
	}
	for _, a := range addrs {
		ipNet, ok := a.(*net.IPNet)
		if ok && ipNet.IP.To4() != nil && ipNet.IP.IsGlobalUnicast() {
			return ipNet.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no IPv4 address beside loopback: give an interface one, so that kube-apiserver can call istiod")
}
