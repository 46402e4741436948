package diagnose

import (
	"sync"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// shared is the work that checks have in common, done once for a run. Checks
// run at the same time.
type shared struct {
	snapshot *mesh.Snapshot
	decider  func() *admission.Decider // made when the first asks
	planes   []*mesh.ControlPlane
	injector Injector

	finding sync.Mutex
	found   map[string]*once // by Once

	deciding  sync.Mutex
	decisions map[string]*admission.Decision // by what decides
	workloads map[*mesh.Workload]*admission.Decision

	injecting sync.Mutex
	injected  map[*mesh.Workload]injection
}

// once is what one of the checks that ask for it finds, while the others wait.
type once struct {
	sync.Once
	found any
}

type injection struct {
	Injected
	ok bool
}

func newShared(s *mesh.Snapshot, in Injector) *shared {
	return &shared{
		snapshot: s, planes: mesh.ControlPlanes(s), injector: in,
		decider:   sync.OnceValue(func() *admission.Decider { return admission.New(s) }),
		found:     map[string]*once{},
		decisions: map[string]*admission.Decision{},
		workloads: map[*mesh.Workload]*admission.Decision{},
		injected:  map[*mesh.Workload]injection{},
	}
}

// once is the one of that name.
func (s *shared) once(name string) *once {
	s.finding.Lock()
	defer s.finding.Unlock()
	if s.found[name] == nil {
		s.found[name] = &once{}
	}
	return s.found[name]
}

func (s *shared) decide(ns *core.Namespace, t admission.Template) *admission.Decision {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	return s.decideLocked(ns, t)
}

func (s *shared) decideLocked(ns *core.Namespace, t admission.Template) *admission.Decision {
	d := s.decider()
	key := d.Key(ns, t)
	if known, ok := s.decisions[key]; ok {
		return known
	}
	decided := d.Decide(ns, t)
	s.decisions[key] = &decided
	return &decided
}

func (s *shared) decideWorkload(w *mesh.Workload) (admission.Decision, bool) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	known := w.Namespace != nil
	if d, ok := s.workloads[w]; ok {
		return *d, known
	}
	t := admission.Template{Labels: w.Template.Labels, Annotations: w.Template.Annotations, HostNetwork: w.Template.Spec.HostNetwork}
	if s.decider().Conditional() {
		t = admission.ForTemplate(w.Template, w.Ref.Namespace)
	}
	d := s.decideLocked(namespaceOf(w), t)
	s.workloads[w] = d
	return *d, known
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
	s.injecting.Lock()
	defer s.injecting.Unlock()
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
