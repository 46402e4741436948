package checks

import (
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// drop, as a value in an edit, takes the key away. It is no valid label value.
const drop = "-"

// edit is a change of labels and annotations that can be tried on the model
// before it is printed as commands, so that what is printed really helps.
type edit struct {
	labels      map[string]string // of the namespace
	annotations map[string]string // of the namespace
	pod         map[string]string // labels of the pod template
	podNotes    map[string]string // annotations of the pod template
}

// helps reports whether a workload gets further into the mesh with the edit:
// it is injected, or at least a webhook is called that was not before.
func (e edit) helps(p *diagnose.Pass, w *mesh.Workload) bool {
	before, ok := p.DecideWorkload(w)
	if !ok {
		return false
	}
	after := e.decide(p, w)
	return after.Inject && !before.Inject || before.By == nil && after.By != nil
}

// decide is the decision about the workload's next pod after the edit.
func (e edit) decide(p *diagnose.Pass, w *mesh.Workload) admission.Decision {
	t := admission.Template{
		Labels:      edited(w.Template.Labels, e.pod),
		Annotations: edited(w.Template.Annotations, e.podNotes),
		HostNetwork: w.Template.Spec.HostNetwork,
	}
	if hasMatchConditions(p.Snapshot) {
		changed := w.Template
		changed.Labels, changed.Annotations = t.Labels, t.Annotations
		t = admission.ForTemplate(changed, w.Ref.Namespace)
	}
	return p.Decide(e.namespace(w.Namespace), t)
}

// namespace is the namespace after the edit.
func (e edit) namespace(ns *core.Namespace) *core.Namespace {
	if len(e.labels) == 0 {
		return ns
	}
	changed := *ns
	changed.Labels = edited(ns.Labels, e.labels)
	return &changed
}

func edited(old, change map[string]string) map[string]string {
	if len(change) == 0 {
		return old
	}
	labels := maps.Clone(old)
	if labels == nil {
		labels = map[string]string{}
	}
	for k, v := range change {
		labels[k] = v
		if v == drop {
			delete(labels, k)
		}
	}
	return labels
}

func hasMatchConditions(s *mesh.Snapshot) bool {
	for _, c := range s.MutatingWebhooks {
		for _, w := range c.Webhooks {
			if len(w.MatchConditions) > 0 {
				return true
			}
		}
	}
	return false
}

// namespaceSteps are the commands for the namespace's part of the edit.
func (e edit) namespaceSteps(ns *core.Namespace) []diagnose.Step {
	var steps []diagnose.Step
	if args := keyArgs(e.labels, ns.Labels); len(args) > 0 {
		steps = append(steps, diagnose.Step{Kind: diagnose.StepLabel, Run: kubectl("", append([]string{"label", "namespace", ns.Name}, args...)...)})
	}
	if args := keyArgs(e.annotations, ns.Annotations); len(args) > 0 {
		steps = append(steps, diagnose.Step{Kind: diagnose.StepAnnotate, Run: kubectl("", append([]string{"annotate", "namespace", ns.Name}, args...)...)})
	}
	return steps
}

// keyArgs are the arguments of kubectl label and kubectl annotate: keys to set
// first, then those to take away.
func keyArgs(change, old map[string]string) []string {
	var set, gone []string
	overwrite := false
	for _, k := range slices.Sorted(maps.Keys(change)) {
		current, there := old[k]
		switch {
		case change[k] == drop && there:
			gone = append(gone, k+"-")
		case change[k] != drop:
			set = append(set, k+"="+change[k])
			overwrite = overwrite || there && current != change[k]
		}
	}
	if overwrite {
		gone = append(gone, "--overwrite")
	}
	return append(set, gone...)
}

// templateSteps are the commands for the pod template's part of the edit. The
// API server rolls out new pods by itself when a Deployment's template
// changes; what it does not roll out needs the steps of replaced too.
func (e edit) templateSteps(p *diagnose.Pass, w *mesh.Workload) []diagnose.Step {
	if len(e.pod) == 0 && len(e.podNotes) == 0 {
		return nil
	}
	meta := map[string]any{}
	if len(e.pod) > 0 {
		meta["labels"] = patched(e.pod)
	}
	if len(e.podNotes) > 0 {
		meta["annotations"] = patched(e.podNotes)
	}
	patch := map[string]any{"template": map[string]any{"metadata": meta}}
	switch w.Ref.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
	case "CronJob":
		patch = map[string]any{"jobTemplate": map[string]any{"spec": patch}}
	case "Pod", "Job":
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "change the manifest of " + w.Ref.String() + ": " + e.words() +
			"; then delete it and create it again, since a " + w.Ref.Kind + " that exists cannot be injected (whoever owns it)"}}
	default:
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "change the pod template of " + w.Ref.String() + ": " + e.words() + " (whoever owns it)"}}
	}
	steps := []diagnose.Step{{
		Kind: diagnose.StepOther,
		Run:  kubectl(w.Ref.Namespace, "patch", w.Ref.Arg(), "--type", "merge", "-p", asJSON(map[string]any{"spec": patch})),
		Say:  "and the same in the manifest or chart it comes from, or the next deployment " + e.undone(),
	}}
	if !rollsOut(p.Snapshot, w) {
		steps = append(steps, replaced(p, []*mesh.Workload{w})...)
	}
	return steps
}

// undone is what becomes of the pod template's part of the edit when the old
// template is applied again.
func (e edit) undone() string {
	for _, change := range []map[string]string{e.pod, e.podNotes} {
		for _, v := range change {
			if v != drop {
				return "takes it away again"
			}
		}
	}
	return "brings it back"
}

// words tells the pod template's part of the edit to whoever edits a manifest.
func (e edit) words() string {
	var parts []string
	for _, part := range []struct {
		what   string
		change map[string]string
	}{{"label", e.pod}, {"annotation", e.podNotes}} {
		for _, k := range slices.Sorted(maps.Keys(part.change)) {
			if part.change[k] == drop {
				parts = append(parts, "take "+part.what+" "+k+" off the pod")
				continue
			}
			parts = append(parts, "give the pod the "+part.what+" "+k+": \""+part.change[k]+"\"")
		}
	}
	return strings.Join(parts, ", ")
}

func patched(change map[string]string) map[string]any {
	m := map[string]any{}
	for k, v := range change {
		m[k] = v
		if v == drop {
			m[k] = nil
		}
	}
	return m
}
