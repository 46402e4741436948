package membership

import (
	"maps"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Status is who is in the mesh, by namespace.
type Status struct {
	Time       time.Time
	Source     string
	Namespaces []Namespace // by name
}

// Namespace is the state of one namespace. A nil number is one that is not
// known, since something was not read.
type Namespace struct {
	Name      string
	Mode      Mode
	Label     string     // what asks for it: "istio-injection=enabled"; empty for nothing
	Reason    string     // why a pod without labels of its own would get a sidecar, or would not
	Revisions []Revision // that its next pods go to, by name
	Workloads *int
	Pods      *int           // that have not ended and are not being deleted
	InMesh    *int           // of those with a proxy, or taken by ztunnel
	Expected  *int           // of those that would be in the mesh if they were created now
	Waiting   *int           // of those that their next pod would be other than: see Reasons
	Proxies   map[string]int // pods by version of their proxy; "" where its image does not tell
	Reasons   []string       // why pods wait to be replaced, each with its count: "2 pods: it has no proxy, …"
	Unknown   []string       // why something is not known
}

// Revision is a control plane that injects, and the tag by which it was asked.
type Revision struct {
	Name string `json:"name"`
	Tag  string `json:"tag,omitempty"`
}

// Outside reports whether a namespace is known to have nothing to do with the
// mesh: it does not ask for it, nothing is in it, nothing would be, and no pod
// waits.
func (n *Namespace) Outside() bool {
	zero := func(count *int) bool { return count != nil && *count == 0 }
	asks := n.Label != "" && n.Label != mesh.InjectionLabel+"=disabled"
	return n.Mode == Off && !asks && zero(n.InMesh) && zero(n.Expected) && zero(n.Waiting)
}

// Kinds are what Of looks at.
func Kinds() []mesh.Kind {
	return append(diagnose.WorkloadKinds(), mesh.Namespaces, mesh.Pods, mesh.MutatingWebhooks, mesh.ConfigMaps, mesh.Services)
}

// Of works out the state of the named namespaces, of all that the snapshot
// knows of where none are named.
func Of(s *mesh.Snapshot, namespaces ...string) *Status {
	v := newView(s)
	st := &Status{Time: s.Time, Source: s.Source}
	known := map[string]*core.Namespace{}
	for _, ns := range s.Namespaces {
		known[ns.Name] = ns
	}
	if len(namespaces) == 0 {
		all := map[string]bool{}
		for name := range known {
			all[name] = true
		}
		for name := range v.members {
			all[name] = true
		}
		namespaces = slices.Collect(maps.Keys(all))
	}
	slices.Sort(namespaces)
	for _, name := range slices.Compact(namespaces) {
		st.Namespaces = append(st.Namespaces, v.namespace(name, known[name]))
	}
	return st
}

func (v *view) namespace(name string, ns *core.Namespace) Namespace {
	n := Namespace{Name: name, Proxies: map[string]int{}}
	members := v.members[name]
	decides := v.decide(ns, admission.Template{})
	guessed(&n, decides.Unknown)
	revisions := map[Revision]bool{}
	if decides.Inject {
		revisions[revisionOf(decides)] = true
	}
	in, off := 0, 0
	pods, inMesh, expected, waiting := 0, 0, 0, 0
	reasons := map[string]int{}
	for _, m := range members {
		guessed(&n, m.unknown)
		if m.mode == Off {
			off++
		} else {
			in++
		}
		if m.decision.Inject && !m.own {
			revisions[revisionOf(m.decision)] = true
		}
		for _, p := range m.living() {
			pods++
			if mesh.InMesh(p) || mesh.Ambient(p) {
				inMesh++
			}
			if mesh.InMesh(p) {
				n.Proxies[mesh.ProxyVersion(&p.Spec)]++
			}
			if m.mode != Off {
				expected++
			}
			if why := v.waits(m, p); why != "" {
				waiting++
				reasons[why]++
			}
		}
	}
	sure := len(n.Unknown) == 0
	if sure {
		n.Mode = modeOf(ns, decides, in, off)
		n.Revisions = slices.SortedFunc(maps.Keys(revisions), func(a, b Revision) int { return strings.Compare(a.Name+"\x00"+a.Tag, b.Name+"\x00"+b.Tag) })
	}
	n.Label, n.Reason = labelOf(ns), decides.Reason
	if v.read(mesh.Pods, name) {
		n.Pods, n.InMesh = &pods, &inMesh
		if sure {
			n.Expected, n.Waiting = &expected, &waiting
			n.Reasons = counted(reasons)
		}
	}
	workloads := len(members)
	n.Workloads = &workloads
	for _, k := range append(diagnose.WorkloadKinds(), mesh.Pods) {
		if !v.read(k, name) {
			n.Workloads = nil
			guessed(&n, unread(v.snapshot, k, "").Error())
		}
	}
	return n
}

// guessed notes why something of a namespace is not known, once.
func guessed(n *Namespace, why string) {
	if why != "" && !slices.Contains(n.Unknown, why) {
		n.Unknown = append(n.Unknown, why)
	}
}

// modeOf is a namespace's mode: what its labels make of a plain pod, and where
// they say nothing, what its workloads say for themselves.
func modeOf(ns *core.Namespace, d admission.Decision, in, off int) Mode {
	ambient := ns != nil && ns.Labels[mesh.AmbientLabel] == "ambient"
	switch {
	case d.Inject && ambient:
		return Mixed
	case d.Inject:
		return Sidecar
	case ambient:
		return Ambient
	case in > 0 && off > 0:
		return Mixed
	case in > 0:
		return Sidecar
	}
	return Off
}

func revisionOf(d admission.Decision) Revision {
	r := Revision{Name: d.Revision()}
	for i := range d.Webhooks {
		if w := &d.Webhooks[i]; w.Matches && w.Istiod == d.Istiod && w.Tag != r.Name {
			r.Tag = w.Tag
		}
	}
	return r
}

// labelOf is the label of a namespace that says how it is in the mesh, or that
// it is not.
func labelOf(ns *core.Namespace) string {
	if ns == nil {
		return ""
	}
	var labels []string
	for _, key := range []string{mesh.InjectionLabel, mesh.RevisionLabel, mesh.AmbientLabel} {
		if value, ok := ns.Labels[key]; ok {
			labels = append(labels, key+"="+value)
		}
	}
	return strings.Join(labels, ",")
}

// read reports whether a kind is known in a namespace. Of files, a kind that is
// not in them counts as none: they are all that was asked about. But without
// pods nothing is known of pods.
func (v *view) read(k mesh.Kind, namespace string) bool {
	if v.snapshot.Complete(k, namespace) {
		return true
	}
	if !v.snapshot.Files || k == mesh.Pods {
		return false
	}
	for _, g := range v.snapshot.Missing(k) {
		if g.Reason != "not in the files" {
			return false
		}
	}
	return true
}

func counted(reasons map[string]int) []string {
	var all []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		all = append(all, count(reasons[why], "pod")+": "+why)
	}
	return all
}
