package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options say what a sandbox holds when it is ready. The zero value is one node with Istio 1.29.1 installed.
type Options struct {
	Dir             string    // where it keeps its files; empty: a temporary folder, removed by Close
	Progress        io.Writer // what Start is at, line by line; nil: nobody is told
	NoIstio         bool      // an empty cluster
	Istio           []string  // values for the installation, as istioctl's --set takes them
	APIServerFlags  []string  // flags of kube-apiserver beside the sandbox's own
	MirrorAPIServer bool      // show kube-apiserver as the static pod that kubeadm would run it in
	Nodes           int       // 0 is 1
	NoControllers   bool      // with From: no controller-manager, scheduler and kwok, so that what is written stays as it is
	Proxies         bool      // stand-ins for Envoy from the start, see Sandbox.Proxies
	From            string    // a folder that Save wrote: start with that cluster; Istio and Nodes are not looked at
}

// Sandbox is a control plane that runs on this machine. Kubectl, Istioctl and Client may be used by several goroutines
// at once; what changes the sandbox itself is called by one at a time.
type Sandbox struct {
	options        Options
	dir, bin       string
	temporary      bool
	hostIP         string
	ports          ports
	ca             *authority
	admin          keyPair
	kubeconfig     string
	http           *http.Client
	rest           *rest.Config
	client         kubernetes.Interface
	group          *group
	kubelet        *kubelet
	port           *kubeletPort
	proxies        atomic.Pointer[proxyKeeper]
	apiServerFlags []string
	revisions      map[revisionKey]istiodPorts

	mu    sync.Mutex
	parts map[string]*process
}

// Start builds what has to be built and returns a running sandbox with Istio injecting, in about 30 seconds once
// everything is built. Whatever was started is ended again when it fails. The error is one line that names the log of
// the part that is at fault. The caller calls Close; without it, all ends with the calling process.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	bin, err := Build(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{
		options: o, bin: bin, dir: o.Dir, temporary: o.Dir == "", apiServerFlags: o.APIServerFlags,
		parts: map[string]*process{}, revisions: map[revisionKey]istiodPorts{},
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.abandon(ctx))
	}
	return s, nil
}

// prepare makes the folder, ports, certificates and kubeconfigs. No process is started but the group's leader.
func (s *Sandbox) prepare() error {
	var err error
	if s.hostIP, err = hostIP(); err != nil {
		return err
	}
	remove := ""
	if s.temporary {
		if s.dir, err = os.MkdirTemp("", "kubectl-mesh-sandbox-"); err != nil {
			return err
		}
		remove = s.dir
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.LogDir(), 0o755); err != nil {
		return err
	}
	if s.options.From != "" {
		err = s.readSaved(s.options.From)
	} else {
		s.ports, err = takePorts()
	}
	if err != nil {
		return err
	}
	if err := s.credentials(); err != nil {
		return err
	}
	if err := s.writeKwokConfig(); err != nil {
		return err
	}
	s.group, err = newGroup(remove)
	return err
}

// credentials makes the CA, the kubeconfigs of the parts, and the sandbox's own clients.
func (s *Sandbox) credentials() error {
	var err error
	if s.ca, err = openAuthority(s.file("pki"), s.hostIP); err != nil {
		return err
	}
	if s.admin, err = s.ca.user("admin", "system:masters"); err != nil {
		return err
	}
	if err := s.ca.write("admin", s.admin); err != nil {
		return err
	}
	s.kubeconfig = s.file("kubeconfig")
	for file, user := range map[string][]string{
		"kubeconfig":                    {"admin", "system:masters"},
		"controller-manager.kubeconfig": {"system:kube-controller-manager"},
		"scheduler.kubeconfig":          {"system:kube-scheduler"},
	} {
		auth, err := s.ca.certUser(user[0], user[1:]...)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(s.file(file), kubeconfigFor(s.APIServerURL(), s.ca.pem, auth)); err != nil {
			return err
		}
	}
	if s.http, err = httpClient(s.ca, s.admin); err != nil {
		return err
	}
	if s.rest, err = RESTConfig(s.kubeconfig); err != nil {
		return err
	}
	s.client, err = kubernetes.NewForConfig(s.rest)
	return err
}

// Close ends every process of the sandbox and removes its temporary folder. A second call does nothing.
func (s *Sandbox) Close() error {
	var err error
	if s.group != nil {
		s.stopAll(0)
		err = s.group.close()
		s.group = nil
	}
	if s.ports.release != nil {
		s.ports.release()
		s.ports.release = nil
	}
	if !s.temporary || s.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// abandon ends a sandbox that did not start. Of a temporary folder the logs are kept, as the error names one, unless
// it was ended from outside.
func (s *Sandbox) abandon(ctx context.Context) error {
	if !s.temporary || ctx.Err() != nil {
		return s.Close()
	}
	s.temporary = false
	err := s.Close()
	entries, readErr := os.ReadDir(s.dir)
	err = errors.Join(err, readErr)
	for _, e := range entries {
		if path := s.file(e.Name()); path != s.LogDir() {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

func (s *Sandbox) say(format string, args ...any) {
	fmt.Fprintf(s.options.Progress, format+"\n", args...)
}

func (s *Sandbox) file(name string) string { return filepath.Join(s.dir, name) }

// Dir is the sandbox's folder.
func (s *Sandbox) Dir() string { return s.dir }

// LogDir holds one log for each process.
func (s *Sandbox) LogDir() string { return s.file("log") }

// BinDir holds the programs; put it into PATH to use the sandbox's own kubectl and istioctl.
func (s *Sandbox) BinDir() string { return s.bin }

// Bin is the path of one of the built programs, such as "kubectl" or "istioctl".
func (s *Sandbox) Bin(name string) string { return filepath.Join(s.bin, name) }

// Kubeconfig is the path of the cluster admin's kubeconfig.
func (s *Sandbox) Kubeconfig() string { return s.kubeconfig }

// APIServerURL is where kube-apiserver listens.
func (s *Sandbox) APIServerURL() string {
	return "https://127.0.0.1:" + strconv.Itoa(s.ports.apiServer())
}

// CA is the certificate of the sandbox's authority in PEM.
func (s *Sandbox) CA() []byte { return s.ca.pem }

// ServerCertificate are the paths of a certificate and key for 127.0.0.1 and localhost that the sandbox's kubeconfigs
// trust, for a proxy in front of kube-apiserver.
func (s *Sandbox) ServerCertificate() (cert, key string) {
	return s.ca.file("server.crt"), s.ca.file("server.key")
}

// Client is a client with the cluster admin's rights.
func (s *Sandbox) Client() kubernetes.Interface { return s.client }

// REST is the configuration of Client.
func (s *Sandbox) REST() *rest.Config { return rest.CopyConfig(s.rest) }

// Kubectl runs the built kubectl as cluster admin and returns what it printed to stdout. The error holds stderr.
func (s *Sandbox) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, "kubectl", args...)
}

// Istioctl runs the built istioctl as cluster admin, like Kubectl.
func (s *Sandbox) Istioctl(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, "istioctl", args...)
}

func (s *Sandbox) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.Bin(name), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	cmd.Dir = s.dir
	cmd.WaitDelay = time.Second
	return output(cmd)
}
