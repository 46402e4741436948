package membership

import (
	"errors"
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Request is what somebody wants of a namespace.
type Request struct {
	Namespace    string
	Revision     string // or tag, to enable; empty: the one that is there, the default, the only one
	LeaveAmbient bool   // enable takes the namespace out of ambient mode
	OptOut       bool   // disable labels the namespace istio-injection=disabled, which its pods cannot override
	Kubectl      string // how commands that are printed begin: "kubectl --context demo"; "kubectl" when empty
}

// Plan is what labelling a namespace would do. Nothing is written by making it.
type Plan struct {
	Enable    bool
	Namespace *core.Namespace // as it is
	Labels    []Label         // that change; none where they are right already
	Label     string          // what the namespace says about its mode then: "istio-injection=enabled"
	Revision  Revision        // of a plain pod's sidecar then
	Version   string          // of that sidecar; empty when it is not known
	In        []Outcome       // workloads whose next pods get a sidecar
	Out       []Outcome       // workloads whose next pods get none, and why
	Restart   []Outcome       // workloads with pods that wait to be replaced, which a restart does
	ByHand    []Outcome       // those that a restart does not help, with what does
	Notes     []string        // what else there is to know
	Findings  []diagnose.Finding
	Blind     string // what could not be read, where not all workloads and pods are known

	before, after *mesh.Snapshot
}

// Outcome is what becomes of one workload.
type Outcome struct {
	Ref     mesh.Ref
	Pods    int // that run
	Waiting int // of those that their next pod would be other than
	Why     string
	Step    diagnose.Step // what replaces its pods, of ByHand

	revision string // of its next pods' sidecars
}

// Enable plans to bring a namespace into the mesh. A Refusal means that a
// safety rule is against it; other errors, that it cannot be done: an unknown
// namespace or revision, no webhooks, or what decides was not read.
func Enable(s *mesh.Snapshot, r Request) (*Plan, error) {
	ns, d, err := prepare(s, r)
	if err != nil {
		return nil, err
	}
	if slices.Contains(admission.IgnoredNamespaces(), ns.Name) {
		return nil, refuse("istiod never injects in namespace %s, whatever its labels say: what is to be in the mesh must live in another namespace", ns.Name)
	}
	ambient := ns.Labels[mesh.AmbientLabel] == "ambient"
	if ambient && !r.LeaveAmbient {
		return nil, refuse("namespace %s is in ambient mode (label %s=ambient): ztunnel takes its traffic, without sidecars; with --leave-ambient it gets sidecars instead", ns.Name, mesh.AmbientLabel)
	}
	l, err := enabling(d, ns, r.Revision)
	if err != nil {
		return nil, err
	}
	if ambient {
		l[mesh.AmbientLabel] = ""
	}
	return plan(s, r, ns, l, true)
}

// Disable plans to take a namespace out of the mesh; errors are those of
// Enable.
func Disable(s *mesh.Snapshot, r Request) (*Plan, error) {
	ns, d, err := prepare(s, r)
	if err != nil {
		return nil, err
	}
	l := disabling(d, ns, r.OptOut)
	p, err := plan(s, r, ns, l, false)
	if err != nil {
		return nil, err
	}
	if value := l[mesh.InjectionLabel]; value == "disabled" && !r.OptOut {
		p.note("webhooks take namespaces of this cluster that say nothing, so the label %s=disabled is needed", mesh.InjectionLabel)
	}
	if ns.Labels[mesh.AmbientLabel] == "ambient" {
		p.note("the namespace stays in the mesh in ambient mode: label %s=ambient is left as it is", mesh.AmbientLabel)
	}
	return p, nil
}

// prepare finds the namespace and what decides about it.
func prepare(s *mesh.Snapshot, r Request) (*core.Namespace, *admission.Decider, error) {
	at := slices.IndexFunc(s.Namespaces, func(ns *core.Namespace) bool { return ns.Name == r.Namespace })
	switch {
	case at < 0 && s.Complete(mesh.Namespaces, r.Namespace):
		return nil, nil, fmt.Errorf("namespace %q not found", r.Namespace)
	case at < 0:
		return nil, nil, unread(s, mesh.Namespaces, fmt.Sprintf("namespace %q could not be read", r.Namespace))
	case s.Namespaces[at].DeletionTimestamp != nil:
		return nil, nil, fmt.Errorf("namespace %q is being deleted", r.Namespace)
	case !s.Complete(mesh.MutatingWebhooks, ""):
		return nil, nil, unread(s, mesh.MutatingWebhooks, "cannot tell which label the control planes listen to")
	case len(mesh.Injectors(s)) == 0:
		return nil, nil, errors.New("the cluster has no injection webhook: install Istio first (istioctl install, or its Helm charts)")
	}
	return s.Namespaces[at], admission.New(s), nil
}

// unread says why a kind is not known, after what that leaves open.
func unread(s *mesh.Snapshot, k mesh.Kind, what string) error {
	why := "could not read " + k.String()
	if missing := s.Missing(k); len(missing) > 0 {
		why = missing[0].String()
	}
	if what == "" {
		return errors.New(why)
	}
	return fmt.Errorf("%s: %s", what, why)
}

// plan compares the cluster as it is with the one in which the namespace has
// these labels.
func plan(s *mesh.Snapshot, r Request, ns *core.Namespace, l labels, enable bool) (*Plan, error) {
	next := relabelled(ns, l)
	after, err := s.With(next)
	if err != nil {
		return nil, err
	}
	p := &Plan{Enable: enable, Namespace: ns, Labels: changed(ns, l), Label: labelOf(next), before: s, after: after}
	v := newView(after)
	d := v.decide(next, admission.Template{})
	if d.Inject {
		p.Revision, p.Version = revisionOf(d), v.version(d)
	}
	if enable && !d.Inject {
		p.note("a pod without labels of its own gets no sidecar all the same: %s", d.Reason)
	}
	if d.Unknown != "" {
		p.note("not sure: %s", d.Unknown)
	}
	for _, k := range append(diagnose.WorkloadKinds(), mesh.Pods) {
		if !v.read(k, ns.Name) {
			p.Blind = unread(s, k, "there may be more workloads").Error()
			p.note("%s", p.Blind)
		}
	}
	for _, m := range v.members[ns.Name] {
		p.member(v, m, r)
	}
	return p, nil
}

func (p *Plan) member(v *view, m *member, r Request) {
	o := Outcome{Ref: m.Ref, Why: m.decision.Reason}
	if m.mode == Sidecar && !m.own {
		o.revision = m.decision.Revision()
	}
	var waiting []*core.Pod
	for _, pod := range m.living() {
		o.Pods++
		if why := v.waits(m, pod); why != "" {
			waiting = append(waiting, pod)
		}
	}
	o.Waiting = len(waiting)
	switch {
	case m.own:
		o.Why = "its pod template brings its own proxy"
		p.In = append(p.In, o)
	case m.mode == Sidecar:
		p.In = append(p.In, o)
	case m.mode == Ambient:
		o.Why = "ztunnel takes its traffic (label " + mesh.AmbientLabel + " of its pods)"
		p.Out = append(p.Out, o)
	default:
		p.Out = append(p.Out, o)
	}
	if o.Waiting == 0 {
		return
	}
	var restarts bool
	if restarts, o.Step = restart(v.snapshot, m, waiting, r.Kubectl); restarts {
		p.Restart = append(p.Restart, o)
		return
	}
	p.ByHand = append(p.ByHand, o)
}

func (p *Plan) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}
