package diagnose

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// shared is the work that checks have in common, done once for a run.
type shared struct {
	snapshot *mesh.Snapshot
	decider  *admission.Decider
	planes   []*mesh.ControlPlane
	injector Injector

	found     map[string]any // by Once
	decisions map[string]admission.Decision
	workloads map[*mesh.Workload]admission.Decision
	injected  map[*mesh.Workload]injection
	once      sync.Once
}

type injection struct {
	Injected
	ok bool
}

func newShared(s *mesh.Snapshot, in Injector) *shared {
	return &shared{
		snapshot: s, planes: mesh.ControlPlanes(s), injector: in,
		found:     map[string]any{},
		decisions: map[string]admission.Decision{},
		workloads: map[*mesh.Workload]admission.Decision{},
		injected:  map[*mesh.Workload]injection{},
	}
}

func (s *shared) decide(ns *core.Namespace, t admission.Template) admission.Decision {
	s.once.Do(func() { s.decider = admission.New(s.snapshot) })
	key := decisionKey(ns, t, s.decider.Conditional())
	d, ok := s.decisions[key]
	if !ok {
		d = s.decider.Decide(ns, t)
		s.decisions[key] = d
	}
	return d
}

// decisionKey is the same for templates that cannot be told apart by any rule.
// Match conditions may look at the whole pod, so that all of it is in the key
// where there are any.
func decisionKey(ns *core.Namespace, t admission.Template, conditions bool) string {
	var b strings.Builder
	b.WriteString(ns.Name)
	for _, m := range []map[string]string{ns.Labels, t.Labels, t.Annotations} {
		b.WriteString("\x00\x00")
		for _, k := range slices.Sorted(maps.Keys(m)) {
			b.WriteByte(0)
			b.WriteString(k)
			b.WriteByte(0)
			b.WriteString(m[k])
		}
	}
	b.WriteString(strconv.FormatBool(t.HostNetwork))
	if t.Pod != nil && conditions {
		_ = json.NewEncoder(&b).Encode(t.Pod.Spec) // what was decoded can be encoded
	}
	return b.String()
}

func (s *shared) decideWorkload(w *mesh.Workload) (admission.Decision, bool) {
	known := w.Namespace != nil
	if d, ok := s.workloads[w]; ok {
		return d, known
	}
	d := s.decide(namespaceOf(w), admission.ForTemplate(w.Template, w.Ref.Namespace))
	s.workloads[w] = d
	return d, known
}

// namespaceOf is the workload's namespace, or one without labels of its own
// where it was not read.
func namespaceOf(w *mesh.Workload) *core.Namespace {
	if w.Namespace != nil {
		return w.Namespace
	}
	return &core.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: w.Ref.Namespace, Labels: map[string]string{core.LabelMetadataName: w.Ref.Namespace},
	}}
}

func (s *shared) inject(w *mesh.Workload) (Injected, bool) {
	if i, ok := s.injected[w]; ok {
		return i.Injected, i.ok
	}
	i := s.tryInject(w)
	s.injected[w] = i
	return i.Injected, i.ok
}

func (s *shared) tryInject(w *mesh.Workload) injection {
	d, known := s.decideWorkload(w)
	if s.injector == nil || !known || !d.Inject {
		return injection{}
	}
	cp := s.plane(d.By)
	if cp == nil {
		return injection{}
	}
	out, err := s.injector(cp, w.NextPod(), namespaceOf(w))
	if err != nil {
		return injection{}
	}
	return injection{Injected: out, ok: true}
}

// plane is the control plane whose webhook a verdict is about.
func (s *shared) plane(v *admission.Verdict) *mesh.ControlPlane {
	for _, cp := range s.planes {
		for _, c := range cp.Webhooks {
			if c.Name == v.Config {
				return cp
			}
		}
	}
	return nil
}
