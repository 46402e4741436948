package membership

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Label is a change of one label of a namespace.
type Label struct {
	Key      string
	Old, New string
	Set      bool // it was set before
	Remove   bool
}

// String is the change as kubectl label takes it: "istio-injection=enabled",
// "istio.io/rev-".
func (l Label) String() string {
	if l.Remove {
		return l.Key + "-"
	}
	return l.Key + "=" + l.New
}

// Refusal is a safety rule that says no: nothing is to be written.
type Refusal struct{ Why string }

// Error says why.
func (r *Refusal) Error() string { return r.Why }

func refuse(format string, args ...any) error { return &Refusal{Why: fmt.Sprintf(format, args...)} }

// labels are what a namespace is to say about its mode; of a key that is not
// in it nothing changes, an empty value takes the label off.
type labels map[string]string

func byInjection(value string) labels {
	return labels{mesh.InjectionLabel: value, mesh.RevisionLabel: ""}
}

// byRevision takes istio-injection off, since no webhook listens to
// istio.io/rev beside it.
func byRevision(name string) labels {
	return labels{mesh.InjectionLabel: "", mesh.RevisionLabel: name}
}

// enabling are the labels that bring a namespace into the mesh, the way its
// control plane listens to. Without a revision, a namespace whose label works
// keeps it; else it goes to the default control plane, or to the only one.
func enabling(d *admission.Decider, ns *core.Namespace, revision string) (labels, error) {
	names := d.Revisions()
	kept := heard(d, ns)
	switch {
	case revision == "" && kept != nil:
		return kept, nil
	case (revision == "" || revision == "default") && d.Listens(mesh.InjectionLabel, "enabled"):
		return byInjection("enabled"), nil
	case revision == "" && slices.Contains(names, "default"):
		return byRevision("default"), nil
	case revision == "":
		only := theOnly(d)
		if only == "" {
			return nil, fmt.Errorf("no control plane is the default one: choose with --revision (%s)", known(d))
		}
		return byRevision(only), nil
	case slices.Contains(names, revision):
		return byRevision(revision), nil
	}
	return nil, fmt.Errorf("no injection webhook listens to revision or tag %q (%s)", revision, known(d))
}

// heard is the injection label of a namespace that a webhook listens to, of both
// the one that counts; nil for none.
func heard(d *admission.Decider, ns *core.Namespace) labels {
	if v := ns.Labels[mesh.InjectionLabel]; v != "" && d.Listens(mesh.InjectionLabel, v) {
		return byInjection(v)
	}
	if v := ns.Labels[mesh.RevisionLabel]; v != "" && d.Listens(mesh.RevisionLabel, v) {
		return byRevision(v)
	}
	return nil
}

// theOnly is the name by which the only control plane of a cluster is asked;
// empty where there are several.
func theOnly(d *admission.Decider) string {
	planes := map[string]bool{}
	for _, in := range d.Injectors() {
		if !in.Deactivated {
			planes[in.Istiod] = true
		}
	}
	if len(planes) != 1 {
		return ""
	}
	names := d.Revisions()
	for revision := range planes {
		if slices.Contains(names, revision) {
			return revision
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// known lists what --revision may say: "known: canary, prod (tag of canary)".
func known(d *admission.Decider) string {
	tags := map[string]string{}
	for _, in := range d.Injectors() {
		if in.Tag != "" && in.Tag != in.Istiod {
			tags[in.Tag] = in.Istiod
		}
	}
	var names []string
	for _, name := range d.Revisions() {
		if of := tags[name]; of != "" {
			name += " (tag of " + of + ")"
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "no revision is known"
	}
	return "known: " + strings.Join(names, ", ")
}

// disabling are the labels of a namespace out of the mesh: none, where that is
// enough, else istio-injection=disabled, to which every webhook of Istio
// listens. d decides about the namespace without labels.
func disabling(d *admission.Decider, ns *core.Namespace, optOut bool) labels {
	bare := relabelled(ns, labels{mesh.InjectionLabel: "", mesh.RevisionLabel: ""})
	if optOut || d.Decide(bare, admission.Template{}).Inject {
		return byInjection("disabled")
	}
	if ns.Labels[mesh.InjectionLabel] == "disabled" {
		return labels{mesh.RevisionLabel: ""} // it is out already, and says so
	}
	return labels{mesh.InjectionLabel: "", mesh.RevisionLabel: ""}
}

// relabelled is a namespace with other labels.
func relabelled(ns *core.Namespace, l labels) *core.Namespace {
	n := ns.DeepCopy()
	for key, value := range l {
		if value == "" {
			delete(n.Labels, key)
			continue
		}
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[key] = value
	}
	return n
}

// changed lists what labels change of a namespace, in the order of their keys.
func changed(ns *core.Namespace, l labels) []Label {
	var all []Label
	for _, key := range []string{mesh.InjectionLabel, mesh.RevisionLabel, mesh.AmbientLabel} {
		value, named := l[key]
		old, set := ns.Labels[key]
		if !named || old == value && set == (value != "") {
			continue
		}
		all = append(all, Label{Key: key, Old: old, New: value, Set: set, Remove: value == ""})
	}
	return all
}
