package membership

import (
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Mode is how traffic of pods gets into the mesh.
type Mode string

// The modes of pods and of namespaces; a namespace may be Mixed.
const (
	Sidecar Mode = "sidecar" // a proxy in the pod
	Ambient Mode = "ambient" // ztunnel on the node
	Off     Mode = "off"
	Mixed   Mode = "mixed" // labelled for both, or some workloads are in by themselves
	Unknown Mode = ""      // what decides was not read
)

// view is a snapshot with what is decided about its workloads.
type view struct {
	snapshot  *mesh.Snapshot
	decider   *admission.Decider
	planes    []*mesh.ControlPlane
	members   map[string][]*member // by namespace, in the order of Workloads
	decisions map[string]admission.Decision
	versions  map[*mesh.ControlPlane]string
}

func newView(s *mesh.Snapshot) *view {
	v := &view{
		snapshot: s, decider: admission.New(s), planes: mesh.ControlPlanes(s),
		members: map[string][]*member{}, decisions: map[string]admission.Decision{}, versions: map[*mesh.ControlPlane]string{},
	}
	for _, w := range mesh.Workloads(s) {
		v.members[w.Ref.Namespace] = append(v.members[w.Ref.Namespace], v.member(w))
	}
	return v
}

// member is a workload and what is to become of its next pod.
type member struct {
	*mesh.Workload
	decision admission.Decision
	own      bool   // its template brings its proxy: injected by hand, or a gateway
	mode     Mode   // of its next pod
	unknown  string // why the mode is a guess
}

func (v *view) member(w *mesh.Workload) *member {
	m := &member{Workload: w}
	m.decision = v.decide(w.Namespace, admission.ForTemplate(w.Template, w.Ref.Namespace))
	m.unknown = m.decision.Unknown
	if c := mesh.Proxy(&w.Template.Spec); c != nil && c.Image != "auto" { // istiod writes over "auto"
		m.own, m.unknown = true, ""
	}
	switch {
	case mirrored(w):
		m.mode, m.unknown = Off, ""
	case m.own || m.decision.Inject:
		m.mode = Sidecar
	case ambientWorkload(w):
		m.mode = Ambient
	default:
		m.mode = Off
	}
	return m
}

func (v *view) decide(ns *core.Namespace, t admission.Template) admission.Decision {
	key := v.decider.Key(ns, t)
	d, ok := v.decisions[key]
	if !ok {
		d = v.decider.Decide(ns, t)
		v.decisions[key] = d
	}
	return d
}

// mirrored reports whether a workload is the mirror of a static pod, which a
// kubelet runs from a file.
func mirrored(w *mesh.Workload) bool {
	_, ok := w.Template.Annotations[core.MirrorPodAnnotationKey]
	return ok && w.Ref.Kind == "Pod"
}

// ambientWorkload reports whether ztunnel is to take a workload's traffic: its
// pods say so, or its namespace does and they do not say no; never with host
// network (istio.io/istio 1.29.1, manifests/charts/istio-cni/values.yaml:
// ambient.enablementSelectors).
func ambientWorkload(w *mesh.Workload) bool {
	pod := w.Template.Labels[mesh.AmbientLabel]
	byNamespace := w.Namespace != nil && w.Namespace.Labels[mesh.AmbientLabel] == "ambient"
	return (pod == "ambient" || byNamespace && pod != "none") && !w.Template.Spec.HostNetwork
}

// living are a workload's pods that are to stay.
func (m *member) living() []*core.Pod {
	return slices.DeleteFunc(slices.Clone(m.Pods), func(p *core.Pod) bool { return p.DeletionTimestamp != nil })
}

// waits says why a pod is another than its workload's next one would be: it
// has no proxy and the next would, or the other way round, or its proxy is of
// another revision or version. Empty for a pod that is as it should be, and for
// what no new pod would change: one whose template brings its own proxy, or
// that ztunnel takes.
func (v *view) waits(m *member, p *core.Pod) string {
	from := mesh.InjectedBy(p)
	switch {
	case m.own || m.unknown != "" || mirrored(m.Workload):
		return ""
	case m.mode != Sidecar && from != "":
		return "it has a proxy that a new pod would not get"
	case m.mode != Sidecar:
		return ""
	case !mesh.InMesh(p):
		return "it has no proxy, and a new pod would get one"
	case from != "" && m.decision.Revision() != "" && from != m.decision.Revision():
		return "its proxy is of revision " + from
	case from == "" || pinned(m.Workload):
		return ""
	}
	have, next := mesh.ProxyVersion(&p.Spec), v.version(m.decision)
	if have != "" && next != "" && have != next {
		return "its proxy is of version " + have
	}
	return ""
}

// imageAnnotation pins a pod's proxy to an image.
const imageAnnotation = "sidecar.istio.io/proxyImage"

func pinned(w *mesh.Workload) bool {
	return w.Template.Annotations[imageAnnotation] != "" || mesh.Proxy(&w.Template.Spec) != nil
}
