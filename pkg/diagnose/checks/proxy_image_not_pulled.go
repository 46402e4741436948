package checks

import (
	"cmp"
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func proxyImageNotPulled() diagnose.Check {
	return diagnose.Check{
		Name: "proxy-image-not-pulled",
		Area: diagnose.Injection,
		Doc: `The nodes cannot pull the image of the proxy

istiod injects a proxy whose image it takes from annotation sidecar.istio.io/proxyImage of the pod, or from global.hub, global.tag and global.proxy.image of the installation. When nodes cannot pull that image (it does not exist, the registry is out of reach, or it wants credentials that the namespace does not have) the pod stays in ErrImagePull or ImagePullBackOff and does not start.

It is found from the states of the containers istio-proxy, istio-init and istio-validation of injected pods. The image "auto" is another matter: see image-auto-not-injected.

To fix it, correct the image where the finding says it comes from, or give the namespace the pull secret that global.imagePullSecrets names; then restart the workloads. Whoever installs Istio can, or, for the annotation, whoever deploys the workload.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.Pods},
		Wants:    nextPodWants(append(nextPodNeeds(), mesh.Services)...),
		Explains: []string{"proxy-not-ready"},
		Run:      runProxyImageNotPulled,
	}
}

// unpulled is an image that pods wait for, from one source.
type unpulled struct {
	image, reason string
	annotated     bool // the pod template names it
	workloads     []*mesh.Workload
	evidence      []string
}

const proxyImageAnnotation = "sidecar.istio.io/proxyImage"

func runProxyImageNotPulled(p *diagnose.Pass) []diagnose.Finding {
	by := map[string]*unpulled{}
	var keys []string
	for _, w := range p.Workloads {
		for _, pod := range w.Pods {
			c, image := waitingForProxyImage(pod)
			if c == nil {
				continue
			}
			annotated := w.Template.Annotations[proxyImageAnnotation] == image
			key := fmt.Sprintf("%s|%v", image, annotated)
			if annotated {
				key += "|" + w.Ref.String()
			}
			u := by[key]
			if u == nil {
				u = &unpulled{image: image, reason: c.State.Waiting.Reason, annotated: annotated}
				by[key], keys = u, append(keys, key)
			}
			u.workloads = append(u.workloads, w)
			u.evidence = append(u.evidence, fmt.Sprintf("Pod %s/%s, container %s: waiting: %s", pod.Namespace, pod.Name, c.Name, words(c.State.Waiting.Reason, oneLine(c.State.Waiting.Message))))
			break
		}
	}
	slices.Sort(keys)
	var found []diagnose.Finding
	for _, k := range keys {
		found = append(found, by[k].finding(p))
	}
	return found
}

func (u *unpulled) finding(p *diagnose.Pass) diagnose.Finding {
	refs := refsOf(u.workloads)
	w := u.workloads[0]
	f := diagnose.Finding{
		Object: w.Ref, Affects: refs, Evidence: u.evidence[:min(3, len(u.evidence))],
		ID: "proxy-image-not-pulled/" + u.image,
	}
	if u.annotated {
		f.ID = ""
		f.Message = fmt.Sprintf("pods of %s do not start: the nodes cannot pull the proxy's image %s (%s), which its annotation %s asks for", w.Ref, u.image, u.reason, proxyImageAnnotation)
		f.Field = inTemplate(w, "metadata.annotations["+proxyImageAnnotation+"]")
		f.Fix = edit{podNotes: map[string]string{proxyImageAnnotation: drop}}.templateSteps(p, w)
		return f
	}
	f.Message = fmt.Sprintf("pods of %s do not start: the nodes cannot pull the proxy's image %s (%s)", hit(refs), u.image, u.reason)
	if in, ok := p.Inject(w); ok && in.Pod != nil {
		if c := mesh.Proxy(&in.Pod.Spec); c != nil && c.Image != u.image {
			f.Message += "; new pods get " + c.Image
			f.Fix = restarts(refs)
			return f
		}
	}
	where := "the values of the installation"
	if cp := planeOf(p, w); cp != nil && cp.Injector != nil {
		f.Object, f.Field = mesh.RefTo(mesh.ConfigMaps, cp.Injector.Namespace, cp.Injector.Name), "data.values"
		where += fmt.Sprintf(" of revision %s (now in %s)", cp.Revision, f.Object)
	}
	f.Fix = append([]diagnose.Step{{Kind: diagnose.StepManual,
		Say: fmt.Sprintf("set global.hub and global.tag in %s to an image that the nodes can pull and install again, or, where the registry wants credentials, name a pull secret in global.imagePullSecrets and create it in %s; whoever installs Istio can", where, list(namespacesOf(refs)))}},
		restarts(refs)...)
	return f
}

// waitingForProxyImage is the container of Istio's whose image a pod waits
// for; nil when it waits for none.
func waitingForProxyImage(pod *core.Pod) (*core.ContainerStatus, string) {
	if pod.DeletionTimestamp != nil || mesh.Done(pod) || !mesh.InMesh(pod) {
		return nil, ""
	}
	for c := range statuses(pod) {
		if !slices.Contains([]string{mesh.ProxyContainer, mesh.InitContainer, mesh.ValidationContainer}, c.Name) || c.State.Waiting == nil {
			continue
		}
		image := cmp.Or(containerImage(pod, c.Name), "of container "+c.Name)
		switch c.State.Waiting.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
			if image != "auto" {
				return c, image
			}
		}
	}
	return nil, ""
}
