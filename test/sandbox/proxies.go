package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// errNoProxies is what every call about a proxy says while they are off.
var errNoProxies = errors.New("the sandbox plays no proxies: switch them on first")

// ProxyStatus is the state of one pod's stand-in for Envoy.
type ProxyStatus struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	UID       string        `json:"uid"`
	Connected bool          `json:"connected"` // to istiod
	Ready     bool          `json:"ready"`     // has all the configuration that it asked for
	Waiting   int           `json:"waiting"`   // messages from istiod that do not count yet
	Lag       time.Duration `json:"lag"`
	Held      bool          `json:"held"`
	Refuse    bool          `json:"refuse"`
	Silent    bool          `json:"silent"`
}

// Proxies switches the stand-ins for Envoy on or off. When they are on, every running pod with a proxy's container is
// connected to the istiod that its PROXY_CONFIG names and serves what it received on ports 15000, 15020 and 15021, to
// which a port-forward leads. They follow the pods until they are switched off or the sandbox is reset. The first time
// their program is compiled. It returns when the program runs; WaitProxies waits for the configuration.
func (s *Sandbox) Proxies(ctx context.Context, on bool) error {
	if !on {
		s.stopProxies()
		return nil
	}
	if s.proxies.Load() != nil {
		return nil
	}
	bin, err := BuildProxies(ctx, s.options.Progress)
	if err != nil {
		return err
	}
	return s.startProxies(ctx, bin)
}

func (s *Sandbox) startProxies(ctx context.Context, bin string) error {
	address := fmt.Sprintf("127.0.0.1:%d", s.ports.proxies())
	p, err := s.group.start(command{
		name: partProxies, bin: bin, args: []string{"--listen=" + address}, dir: s.dir,
		logPath: filepath.Join(s.LogDir(), partProxies+".log"),
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.parts[partProxies] = p
	s.mu.Unlock()
	k := &proxyKeeper{
		client: s.client, find: s.kubelet.lookup, hostIP: s.hostIP, address: address,
		http: &http.Client{Timeout: kubeletTimeout},
	}
	err = s.wait(ctx, "the proxies' program to answer", 20*time.Second, func(ctx context.Context) (bool, error) {
		_, err := k.list(ctx)
		return err == nil, err
	})
	if err == nil {
		err = k.run(ctx)
	}
	if err != nil {
		s.stopPart(partProxies, 0)
		return err
	}
	s.proxies.Store(k)
	return nil
}

func (s *Sandbox) stopProxies() {
	if k := s.proxies.Swap(nil); k != nil {
		k.stop()
	}
	s.stopPart(partProxies, 0)
}

// WaitProxies waits until the proxy of every running pod has what istiod has for it. Those that were told to hold or
// refuse configuration are not waited for.
func (s *Sandbox) WaitProxies(ctx context.Context) error {
	k := s.proxies.Load()
	if k == nil {
		return errNoProxies
	}
	return s.wait(ctx, "the proxies to have their configuration", time.Minute, func(ctx context.Context) (bool, error) {
		all, err := k.list(ctx)
		if err != nil {
			return false, err
		}
		pods, err := s.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		var missing []string
		for i := range pods.Items {
			pod := &pods.Items[i]
			if !wantsProxy(pod) {
				continue
			}
			if !slices.ContainsFunc(all, func(p ProxyStatus) bool {
				return p.UID == string(pod.UID) && (p.Ready || p.Held || p.Refuse)
			}) {
				missing = append(missing, pod.Namespace+"/"+pod.Name)
			}
		}
		if len(missing) == 0 {
			return true, nil
		}
		return false, fmt.Errorf("%d have not, such as %s; see %s", len(missing), missing[0], filepath.Join(s.LogDir(), partProxies+".log"))
	})
}

// ProxyStatuses are the proxies that run, by namespace and name.
func (s *Sandbox) ProxyStatuses(ctx context.Context) ([]ProxyStatus, error) {
	k := s.proxies.Load()
	if k == nil {
		return nil, errNoProxies
	}
	return k.list(ctx)
}

// ProxyDump is what a pod's proxy has, as Envoy's /config_dump with these parameters ("resource=dynamic_route_configs"),
// also of one that was told to be silent.
func (s *Sandbox) ProxyDump(ctx context.Context, namespace, pod, query string) ([]byte, error) {
	k := s.proxies.Load()
	if k == nil {
		return nil, errNoProxies
	}
	return k.call(ctx, http.MethodGet, proxyPath(namespace, pod)+"/config_dump?"+query, nil)
}

// LagProxy makes a pod's proxy take what istiod sends only that much later. A chain of messages of which each asks for
// the next (a new listener, then its routes) takes that long for each link.
func (s *Sandbox) LagProxy(ctx context.Context, namespace, pod string, lag time.Duration) error {
	return s.behave(ctx, namespace, pod, func(p *ProxyStatus) { p.Lag = lag })
}

// HoldProxy makes a pod's proxy keep what it has until ReleaseProxy; istiod gets no acknowledgement meanwhile.
func (s *Sandbox) HoldProxy(ctx context.Context, namespace, pod string) error {
	return s.behave(ctx, namespace, pod, func(p *ProxyStatus) { p.Held = true })
}

// RefuseProxy makes a pod's proxy answer new configuration with a NACK and keep what it has. What was refused does not
// come again after ReleaseProxy before istiod pushes the next time.
func (s *Sandbox) RefuseProxy(ctx context.Context, namespace, pod string) error {
	return s.behave(ctx, namespace, pod, func(p *ProxyStatus) { p.Refuse = true })
}

// SilenceProxy makes a pod's proxy accept connections to its ports without ever answering, until ReleaseProxy.
func (s *Sandbox) SilenceProxy(ctx context.Context, namespace, pod string) error {
	return s.behave(ctx, namespace, pod, func(p *ProxyStatus) { p.Silent = true })
}

// ReleaseProxy undoes LagProxy, HoldProxy, RefuseProxy and SilenceProxy. What was held counts at once.
func (s *Sandbox) ReleaseProxy(ctx context.Context, namespace, pod string) error {
	return s.behave(ctx, namespace, pod, func(p *ProxyStatus) { p.Lag, p.Held, p.Refuse, p.Silent = 0, false, false, false })
}

// behave changes how a pod's proxy behaves.
func (s *Sandbox) behave(ctx context.Context, namespace, pod string, change func(*ProxyStatus)) error {
	k := s.proxies.Load()
	if k == nil {
		return errNoProxies
	}
	all, err := k.list(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p ProxyStatus) bool { return p.Namespace == namespace && p.Name == pod })
	if i < 0 {
		return fmt.Errorf("no proxy runs for pod %s/%s", namespace, pod)
	}
	change(&all[i])
	body, err := json.Marshal(all[i])
	if err != nil {
		return err
	}
	_, err = k.call(ctx, http.MethodPut, proxyPath(namespace, pod)+"/behaviour", body)
	return err
}

func proxyPath(namespace, pod string) string {
	return "/proxies/" + url.PathEscape(namespace) + "/" + url.PathEscape(pod)
}
