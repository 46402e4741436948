package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the parts, of their logs and of their binaries.
const (
	partEtcd              = "etcd"
	partAPIServer         = "kube-apiserver"
	partControllerManager = "kube-controller-manager"
	partScheduler         = "kube-scheduler"
	partKwok              = "kwok"
)

// startPart runs one binary of the control plane and keeps it under its name.
func (s *Sandbox) startPart(name string, args ...string) error {
	p, err := s.group.start(command{
		name: name, bin: s.Bin(name), args: args, dir: s.dir, logPath: filepath.Join(s.LogDir(), name+".log"),
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[name] = p
	return nil
}

// stopPart ends a part and forgets it.
func (s *Sandbox) stopPart(name string, grace time.Duration) {
	s.mu.Lock()
	p := s.parts[name]
	delete(s.parts, name)
	s.mu.Unlock()
	if p != nil {
		p.stop(grace)
	}
}

// Err tells whether a part of the control plane has ended by itself; nil means that all run.
func (s *Sandbox) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{partEtcd, partAPIServer, partControllerManager, partScheduler, partKwok, partProxies} {
		if p := s.parts[name]; p != nil {
			if err := p.exited(); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait polls and ends early when a part has crashed.
func (s *Sandbox) wait(ctx context.Context, what string, limit time.Duration, done func(context.Context) (bool, error)) error {
	return poll(ctx, what, limit, 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		if err := s.Err(); err != nil {
			return false, finalError{err}
		}
		return done(ctx)
	})
}

func (s *Sandbox) startEtcd() error {
	client := "http://127.0.0.1:" + strconv.Itoa(s.ports.etcd())
	peer := "http://127.0.0.1:" + strconv.Itoa(s.ports.etcdPeer())
	return s.startPart(partEtcd, "--data-dir", s.etcdDir(),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer,
		"--unsafe-no-fsync")
}

func (s *Sandbox) etcdDir() string { return filepath.Join(s.dir, "etcd") }

// apiServerArgs are the flags of kube-apiserver. Aggregator routing makes it call a webhook's endpoints itself,
// as there is no kube-proxy. Of a flag that is given twice the last one counts.
func (s *Sandbox) apiServerArgs() []string {
	pki := s.ca.file
	return append([]string{
		"--etcd-servers=http://127.0.0.1:" + strconv.Itoa(s.ports.etcd()),
		"--secure-port=" + strconv.Itoa(s.ports.apiServer()), "--bind-address=127.0.0.1", "--advertise-address=" + s.hostIP,
		"--tls-cert-file=" + pki("server.crt"), "--tls-private-key-file=" + pki("server.key"), "--client-ca-file=" + pki("ca.crt"),
		"--service-account-key-file=" + pki("sa.pub"), "--service-account-signing-key-file=" + pki("sa.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC", "--allow-privileged=true",
		"--enable-aggregator-routing=true",
		"--kubelet-client-certificate=" + pki("admin.crt"), "--kubelet-client-key=" + pki("admin.key"),
	}, s.apiServerFlags...)
}

func (s *Sandbox) startAPIServer(ctx context.Context) error {
	if err := s.startPart(partAPIServer, s.apiServerArgs()...); err != nil {
		return err
	}
	return s.wait(ctx, "kube-apiserver to be ready", 90*time.Second, s.apiServerReady)
}

func (s *Sandbox) apiServerReady(ctx context.Context) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.APIServerURL()+"/readyz", nil)
	if err != nil {
		return false, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	if resp.StatusCode == http.StatusOK {
		return true, nil
	}
	return false, fmt.Errorf("/readyz says %s: %s", resp.Status, failedChecks(string(body)))
}

// failedChecks keeps the lines of a verbose /readyz answer that failed.
func failedChecks(body string) string {
	lines := slices.DeleteFunc(strings.Split(body, "\n"), func(l string) bool { return !strings.HasPrefix(l, "[-]") })
	return strings.Join(lines, ", ")
}

// startControllers starts what works on the API: controllers, scheduler and kwok. The autoscaler stays out: there
// are no pod metrics, and it would write a warning about that every 15 seconds.
func (s *Sandbox) startControllers() error {
	if err := s.startPart(partControllerManager,
		"--kubeconfig="+s.file("controller-manager.kubeconfig"), "--secure-port="+strconv.Itoa(s.ports.controllerManager()),
		"--bind-address=127.0.0.1", "--service-account-private-key-file="+s.ca.file("sa.key"), "--root-ca-file="+s.ca.file("ca.crt"),
		"--use-service-account-credentials=true", "--leader-elect=false", "--allocate-node-cidrs=false",
		"--controllers=*,-horizontal-pod-autoscaler-controller",
		"--kube-api-qps=400", "--kube-api-burst=800", "--concurrent-deployment-syncs=20", "--concurrent-replicaset-syncs=20"); err != nil {
		return err
	}
	if err := s.startPart(partScheduler,
		"--kubeconfig="+s.file("scheduler.kubeconfig"), "--secure-port="+strconv.Itoa(s.ports.scheduler()),
		"--bind-address=127.0.0.1", "--leader-elect=false", "--kube-api-qps=400", "--kube-api-burst=800"); err != nil {
		return err
	}
	// A lease of 40 seconds: with kwok's default the node flaps to NotReady when the machine is busy.
	return s.startPart(partKwok,
		"--kubeconfig="+s.kubeconfig, "--config="+s.file("kwok.yaml"), "--manage-all-nodes=true",
		"--node-ip="+s.hostIP, "--node-port="+strconv.Itoa(s.ports.kubelet()),
		"--server-address=127.0.0.1:"+strconv.Itoa(s.ports.kwok()),
		"--tls-cert-file="+s.ca.file("server.crt"), "--tls-private-key-file="+s.ca.file("server.key"),
		"--cidr=10.244.0.0/16", "--node-lease-duration-seconds=40")
}

// httpClient trusts the sandbox's CA and shows the admin's certificate.
func httpClient(ca *authority, admin keyPair) (*http.Client, error) {
	cert, err := tls.X509KeyPair(admin.cert, admin.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}}, DisableKeepAlives: true},
	}, nil
}
