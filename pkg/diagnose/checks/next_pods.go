package checks

import (
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Annotations of pods that the checks of injected pods look at.
const (
	templatesAnnotation     = "inject.istio.io/templates"
	nativeSidecarAnnotation = "sidecar.istio.io/nativeSidecar"
	canonicalNameLabel      = "service.istio.io/canonical-name"
)

// nextPodNeeds and nextPodWants are the kinds by which Pass.Inject and denials
// come to their answers.
func nextPodNeeds() []mesh.Kind { return []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces} }

func nextPodWants(more ...mesh.Kind) []mesh.Kind {
	kinds := append(diagnose.WorkloadKinds(), mesh.Pods, mesh.ConfigMaps, mesh.Events, mesh.Nodes, mesh.ProxyConfigs, mesh.ServerVersion)
	return append(kinds, more...)
}

// denial is istiod's refusal of a workload's next pod.
type denial struct {
	workload *mesh.Workload
	words    string // istiod's own
	cause    cause
}

// denials are the refusals by istiod of the next pods of the workloads that
// tried picks, and of those of which the API server already told. Where
// istiod's answer can be worked out, that counts, and not what was said
// before. Configuration that istiod cannot load at all is no denial.
func denials(p *diagnose.Pass, tried func(*mesh.Workload) bool) []denial {
	told := map[mesh.Ref]string{}
	workloads := p.Workloads
	for _, r := range refusals(p) {
		_, words, denied := strings.Cut(r.Message, " denied the request: ")
		if !denied || !mesh.IsInjector(r.Webhook) {
			continue
		}
		told[r.Workload.Ref] = words
		if r.Workload.Meta == nil && len(r.Workload.Pods) == 0 { // of a kind that is not read
			workloads = append(workloads[:len(workloads):len(workloads)], r.Workload)
		}
	}
	var found []denial
	for _, w := range workloads {
		words, seen := told[w.Ref]
		if !seen && !tried(w) {
			continue
		}
		if in, ok := p.Inject(w); ok {
			words = in.Refusal
		}
		if words != "" && !unloadable(words) {
			c, _ := classify(asDenied(words))
			found = append(found, denial{workload: w, words: words, cause: c})
		}
	}
	return found
}

// asDenied is a refusal as the API server passes it on.
func asDenied(words string) string {
	return `admission webhook "namespace.sidecar-injector.istio.io" denied the request: ` + words
}

// unloadable reports whether the words are istiod's about configuration that
// it cannot load (istio.io/istio 1.29.1, pkg/kube/inject/webhook.go: NewWebhook).
func unloadable(words string) bool {
	for _, prefix := range []string{"failed to get initial configuration: ", "failed to process webhook config: ", "invalid mesh config, using last known state: "} {
		if strings.HasPrefix(words, prefix) {
			return true
		}
	}
	return false
}

// tuned reports whether a template tells istiod anything by annotations.
func tuned(w *mesh.Workload) bool {
	for name := range w.Template.Annotations {
		if prefix, _, _ := strings.Cut(name, "/"); prefix == "istio.io" || strings.HasSuffix(prefix, ".istio.io") {
			return true
		}
	}
	return false
}

// meshed reports whether a workload's pods carry a sidecar, or its next ones
// would.
func meshed(p *diagnose.Pass, w *mesh.Workload) bool {
	if w.Template.Spec.HostNetwork {
		return false
	}
	for _, pod := range w.Pods {
		if mesh.InMesh(pod) {
			return true
		}
	}
	d, ok := p.DecideWorkload(w)
	return ok && d.Inject
}

// appContainers are the containers of a pod that are not Istio's.
func appContainers(spec *core.PodSpec) []core.Container {
	var app []core.Container
	for _, c := range spec.Containers {
		if c.Name != mesh.ProxyContainer {
			app = append(app, c)
		}
	}
	return app
}

// planeOf is the control plane that a workload's next pod would go to.
func planeOf(p *diagnose.Pass, w *mesh.Workload) *mesh.ControlPlane {
	d, _ := p.DecideWorkload(w)
	if d.By == nil {
		return nil
	}
	for _, cp := range p.ControlPlanes {
		for _, c := range cp.Webhooks {
			if c.Name == d.By.Config {
				return cp
			}
		}
	}
	return nil
}
