package checks

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func sidecarNameTaken() diagnose.Check {
	return diagnose.Check{
		Name: "sidecar-name-taken",
		Area: diagnose.Injection,
		Doc: `A pod uses a name that the sidecar needs: of a container, volume or port

istiod merges the sidecar into the pod by name. A container istio-proxy of the pod's own is taken for a set of overrides of the sidecar, a documented feature (with image "auto", or another image of the proxy). When it is in truth another program, that program runs in the proxy's place, and the pod has no proxy. A container istio-init beside the init container, or a volume such as istio-envoy or istio-token of another type, makes the API server refuse the pod ("Duplicate value", "may not specify more than 1 volume type"). Manifests that went through an older istioctl kube-inject, without its annotation sidecar.istio.io/status, are a common source. A port name twice in a pod is let through with a warning; whoever selects the port by name gets the first.

It is found by making the next pod of such workloads with istiod's own code and looking for names that stand twice.

To fix it, rename what the finding names in the pod template; whoever deploys the workload can.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(),
		Explains: []string{"pod-creation-refused", "pod-older-than-injection"},
		Run:      runSidecarNameTaken,
	}
}

// taken is a name of the sidecar's in other use.
type taken struct {
	field, what string
	consequence string
	evidence    string
	fix         string
	severity    diagnose.Severity
}

func runSidecarNameTaken(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		if _, byHand := w.Template.Annotations[mesh.StatusAnnotation]; byHand || !namesLikeOurs(w) || !meshed(p, w) {
			continue
		}
		var names []taken
		names = append(names, replacedProxy(w)...)
		if in, ok := p.Inject(w); ok && in.Pod != nil {
			names = append(names, doubled(in.Pod)...)
		}
		for _, n := range names {
			found = append(found, diagnose.Finding{
				ID:       "sidecar-name-taken/" + w.Ref.Kind + "/" + w.Ref.Namespace + "/" + w.Ref.Name + "/" + n.field,
				Severity: n.severity,
				Message:  fmt.Sprintf("%s of %s has a name that the sidecar needs, so %s", n.what, w.Ref, n.consequence),
				Object:   w.Ref,
				Field:    inTemplate(w, n.field),
				Evidence: []string{n.evidence},
				Affects:  []mesh.Ref{w.Ref},
				Fix: []diagnose.Step{{
					Kind: diagnose.StepManual,
					Say:  fmt.Sprintf("%s in the pod template of %s; whoever deploys it can", n.fix, w.Ref),
				}},
			})
		}
	}
	return found
}

// namesLikeOurs is quick: it tells the workloads that need a closer look.
func namesLikeOurs(w *mesh.Workload) bool {
	spec := &w.Template.Spec
	for _, c := range slices.Concat(spec.Containers, spec.InitContainers) {
		if istioContainer(c.Name) || slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == proxyPortName }) {
			return true
		}
	}
	return slices.ContainsFunc(spec.Volumes, func(v core.Volume) bool { return istioVolume(v.Name) })
}

// proxyPortName is the port of the sidecar's metrics.
const proxyPortName = "http-envoy-prom"

func istioContainer(name string) bool {
	return name == mesh.ProxyContainer || name == mesh.InitContainer || name == mesh.ValidationContainer
}

// istioVolume tells the volumes of Istio's templates (istio.io/istio 1.29.1,
// manifests/charts/istio-control/istio-discovery/files/injection-template.yaml).
func istioVolume(name string) bool {
	switch name {
	case "workload-socket", "credential-socket", "workload-certs", "istiod-ca-cert", "istio-ca-crl", "istio-certs", "lightstep-certs":
		return true
	}
	return strings.HasPrefix(name, "istio-")
}

// replacedProxy finds containers that istiod takes for overrides of its own
// and that are another program.
func replacedProxy(w *mesh.Workload) []taken {
	var found []taken
	spec := &w.Template.Spec
	for _, l := range []struct {
		field string
		list  []core.Container
		name  string
	}{{"spec.containers", spec.Containers, mesh.ProxyContainer}, {"spec.initContainers", spec.InitContainers, mesh.InitContainer}} {
		for i, c := range l.list {
			if c.Name != l.name || overrides(c.Image) {
				continue
			}
			consequence := fmt.Sprintf("its image %s runs in place of the proxy, and the pod is not in the mesh", c.Image)
			if l.name == mesh.InitContainer {
				consequence = fmt.Sprintf("its image %s runs in place of the one that directs traffic to the proxy", c.Image)
			}
			found = append(found, taken{
				field: fmt.Sprintf("%s[%d].name", l.field, i), what: "container " + c.Name, consequence: consequence,
				evidence: fmt.Sprintf("%s[%d] is named %s and has the image %s", l.field, i, c.Name, c.Image),
				fix:      fmt.Sprintf("rename the container %s (or, where it is meant to change the sidecar, give it the image auto)", c.Name),
				severity: diagnose.Error,
			})
		}
	}
	return found
}

// overrides reports whether the image of a container named like the sidecar's
// says that the sidecar is meant: none, "auto", or one that is called a proxy.
func overrides(image string) bool {
	if image == "" || image == "auto" {
		return true
	}
	base := image[strings.LastIndex(image, "/")+1:]
	for _, part := range []string{"proxy", "envoy", "istio", "pilot"} {
		if strings.Contains(base, part) {
			return true
		}
	}
	return false
}

// doubled finds in a pod with its sidecar what the API server refuses for
// standing twice (k8s.io/kubernetes v1.35.4, pkg/apis/core/validation).
func doubled(pod *core.Pod) []taken {
	const refused = "the API server refuses every new pod"
	var found []taken
	seen := map[string]bool{}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if seen[c.Name] {
			found = append(found, taken{
				field: "spec.containers[" + c.Name + "]", what: "container " + c.Name,
				consequence: refused + ` (Duplicate value: "` + c.Name + `")`,
				evidence:    "the pod that istiod makes has two containers named " + c.Name,
				fix:         "rename the container " + c.Name, severity: diagnose.Error,
			})
		}
		seen[c.Name] = true
	}
	for _, v := range pod.Spec.Volumes {
		if sources(v.VolumeSource) > 1 {
			found = append(found, taken{
				field: "spec.volumes[" + v.Name + "]", what: "volume " + v.Name,
				consequence: refused + " (may not specify more than 1 volume type)",
				evidence:    "istiod merges its volume " + v.Name + " with the pod's own of another type",
				fix:         "rename the volume " + v.Name + " and its mounts", severity: diagnose.Error,
			})
		}
	}
	return append(found, doubledPort(pod)...)
}

func doubledPort(pod *core.Pod) []taken {
	if proxy := mesh.Proxy(&pod.Spec); proxy == nil || !slices.ContainsFunc(proxy.Ports, func(p core.ContainerPort) bool { return p.Name == proxyPortName }) {
		return nil
	}
	for _, c := range appContainers(&pod.Spec) {
		for _, port := range c.Ports {
			if port.Name == proxyPortName {
				return []taken{{
					field: "spec.containers[" + c.Name + "].ports", what: "port " + port.Name,
					consequence: fmt.Sprintf("what selects the port by name reaches port %d of container %s and not the proxy's metrics", port.ContainerPort, c.Name),
					evidence:    fmt.Sprintf("container %s names port %d %s", c.Name, port.ContainerPort, port.Name),
					fix:         "rename the port " + port.Name, severity: diagnose.Warning,
				}}
			}
		}
	}
	return nil
}
