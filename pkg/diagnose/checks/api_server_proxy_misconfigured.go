package checks

import (
	"fmt"
	"net/url"
	"strings"

	core "k8s.io/api/core/v1"

	"golang.org/x/net/http/httpproxy"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func apiServerProxyMisconfigured() diagnose.Check {
	return diagnose.Check{
		Name: "api-server-proxy-misconfigured",
		Area: diagnose.APIServer,
		Doc: `The API server sends its calls to istiod through an HTTP proxy

An API server that runs with HTTPS_PROXY calls webhooks through that proxy too, unless NO_PROXY excludes their host, NAME.NAMESPACE.svc. The proxy does not know names of the cluster, so the call fails ("proxyconnect", "Service Unavailable", or a timeout) and the pod is refused; with failurePolicy Ignore it starts without a sidecar.

It is found from the environment of the API server's static pods, judged by the same rules as the API server's own HTTP client, and from the API server's words in events and conditions.

To fix it, add .svc to NO_PROXY on every API server; who administers the control plane's nodes can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Pods},
		Wants:    backendKinds(mesh.EndpointSlices),
		Explains: []string{"pod-creation-refused", "istiod-unreachable-from-api-server", "istiod-refuses-connections", "webhook-host-not-found"},
		Run:      runAPIServerProxyMisconfigured,
	}
}

func runAPIServerProxyMisconfigured(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		refs := b.routed(p)
		f := diagnose.Finding{Severity: b.severity(p, refs), Affects: refs, Covers: b.covers()}
		said, _ := b.split(p.Snapshot, b.refused(p, all, causeProxyConnect))
		for _, r := range said[:min(1, len(said))] {
			f.Evidence = append(f.Evidence, r.Workload.Ref.String()+": "+r.Message)
		}
		host := b.name + "." + b.namespace + ".svc"
		for _, s := range apiServers(p.Snapshot) {
			env := proxyEnv(s)
			proxy := env.through(host)
			if proxy == "" || len(said) == 0 && b.injected.After(s.CreationTimestamp.Time) {
				continue // pods were injected since it started: that proxy lets them through
			}
			if f.Object.Name == "" {
				f.Object, f.Field = mesh.RefTo(mesh.Pods, s.Namespace, s.Name), "spec.containers[0].env"
				f.Message = fmt.Sprintf("API server %s calls %s through the proxy %s, since its NO_PROXY does not hold .svc, so %s", s.Name, host, proxy, b.consequence(p, refs))
			}
			f.Evidence = append(f.Evidence, fmt.Sprintf("Pod %s/%s: HTTPS_PROXY is %s, NO_PROXY is %q", s.Namespace, s.Name, proxy, env.NoProxy))
			f.Fix = append(f.Fix, diagnose.Step{Kind: diagnose.StepManual, Say: fmt.Sprintf(
				"on node %s, in /etc/kubernetes/manifests/kube-apiserver.yaml, set NO_PROXY to %s; the kubelet then restarts the API server; whoever administers the control plane's nodes",
				s.Spec.NodeName, strings.TrimPrefix(env.NoProxy+",.svc,.cluster.local", ","))})
		}
		if f.Object.Name == "" && len(said) > 0 {
			f.Object = b.ref()
			f.Message = fmt.Sprintf("The API server calls %s through an HTTP proxy that does not reach it, so %s", b, b.consequence(p, refs))
			f.Fix = []diagnose.Step{{Kind: diagnose.StepManual,
				Say: "add .svc,.cluster.local and the service and pod CIDRs to NO_PROXY in the environment of every API server and restart it, whoever administers the control plane"}}
		}
		if f.Object.Name != "" {
			found = append(found, f)
		}
	}
	return found
}

// proxies is the proxy configuration of a process.
type proxies struct{ httpproxy.Config }

// proxyEnv reads it as Go's HTTP client does, which the API server uses: upper
// case before lower case (golang.org/x/net/http/httpproxy: FromEnvironment).
func proxyEnv(p *core.Pod) proxies {
	env := map[string]string{}
	for _, c := range p.Spec.Containers {
		for _, e := range c.Env {
			env[e.Name] = e.Value
		}
	}
	either := func(name string) string {
		if v := env[name]; v != "" {
			return v
		}
		return env[strings.ToLower(name)]
	}
	return proxies{httpproxy.Config{HTTPProxy: either("HTTP_PROXY"), HTTPSProxy: either("HTTPS_PROXY"), NoProxy: either("NO_PROXY")}}
}

// through is the proxy that calls to a host go through; empty for none.
func (c proxies) through(host string) string {
	u, err := c.ProxyFunc()(&url.URL{Scheme: "https", Host: host + ":443"})
	if err != nil || u == nil {
		return ""
	}
	return u.Redacted()
}
