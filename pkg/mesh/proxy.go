package mesh

import (
	"encoding/json"
	"strings"

	core "k8s.io/api/core/v1"
)

// The names Istio's injection templates give to what they add
// (istio.io/istio 1.29.1, pkg/kube/inject/inject.go).
const (
	ProxyContainer      = "istio-proxy"
	InitContainer       = "istio-init"
	ValidationContainer = "istio-validation"

	StatusAnnotation = "sidecar.istio.io/status" // what was injected, on the pod
	InjectLabel      = "sidecar.istio.io/inject" // label (and, of old, annotation) that asks for or refuses injection
	RevisionLabel    = "istio.io/rev"
	InjectionLabel   = "istio-injection" // on namespaces
	AmbientLabel     = "istio.io/dataplane-mode"
)

// Proxy returns the pod's proxy container, classic or native (an init
// container that goes on running), or nil.
func Proxy(spec *core.PodSpec) *core.Container {
	for _, list := range [][]core.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			if list[i].Name == ProxyContainer {
				return &list[i]
			}
		}
	}
	return nil
}

// InMesh reports whether a pod carries a proxy: a sidecar, or a gateway's.
func InMesh(p *core.Pod) bool { return Proxy(&p.Spec) != nil }

// Ambient reports whether ztunnel takes the pod's traffic
// (annotation ambient.istio.io/redirection, written by istio-cni).
func Ambient(p *core.Pod) bool { return p.Annotations["ambient.istio.io/redirection"] == "enabled" }

// ProxyVersion returns the tag of the pod's proxy image, without what follows
// a dash ("1.29.1-distroless" is 1.29.1); empty when it has none.
func ProxyVersion(spec *core.PodSpec) string {
	c := Proxy(spec)
	if c == nil {
		return ""
	}
	return ImageVersion(c.Image)
}

// ImageVersion returns the tag of an image up to the first dash; empty for an
// image without a tag.
func ImageVersion(image string) string {
	image, _, _ = strings.Cut(image, "@")
	at := strings.LastIndex(image, ":")
	if at < 0 || strings.Contains(image[at:], "/") {
		return ""
	}
	tag, _, _ := strings.Cut(image[at+1:], "-")
	return tag
}

// InjectedBy returns the revision that injected a pod, as its status
// annotation says, else the annotation istio.io/rev; empty for a pod that nothing injected.
func InjectedBy(p *core.Pod) string {
	status, injected := p.Annotations[StatusAnnotation]
	if !injected || !InMesh(p) {
		return ""
	}
	var by struct {
		Revision string `json:"revision"`
	}
	if err := json.Unmarshal([]byte(status), &by); err == nil && by.Revision != "" {
		return by.Revision
	}
	return p.Annotations[RevisionLabel]
}

// Done reports whether a pod has ended and will not run again.
func Done(p *core.Pod) bool {
	return p.Status.Phase == core.PodSucceeded || p.Status.Phase == core.PodFailed
}
