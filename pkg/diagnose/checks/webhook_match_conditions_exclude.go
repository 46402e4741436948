package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookMatchConditionsExclude() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-match-conditions-exclude",
		Area: diagnose.Webhooks,
		Doc: `A webhook's match conditions keep out workloads that ask for injection

matchConditions are CEL expressions on a webhook. Where one is false, the API
server does not call the webhook, though both selectors match, and says nothing
to whoever creates the pod. Where one fails (it reads a field that is not
there), the pod is refused, or with failurePolicy Ignore the webhook is passed
over. Istio's chart has none: somebody added them.

Found by evaluating the conditions, with the API server's own library, for the
workloads whose selectors match.

Fix: take the condition out with the printed patch, or change it so that it is
true for these workloads; has(object.metadata.labels) guards a field that may be
missing. Then restart the pods that were created meanwhile. A cluster
administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"pod-creation-refused", "pod-older-than-injection", "injection-decided", "image-auto-not-injected"},
		Run:      findExcluding,
	}
}

// excluding is a webhook and what its conditions keep out.
type excluding struct {
	injectorHook
	conditions []int
	workloads  []mesh.Ref
	refused    bool // pods are refused, since a condition fails
	got        []string
}

func findExcluding(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		for _, h := range activeHooks(c) {
			if len(h.hook().MatchConditions) == 0 {
				continue
			}
			e := excluding{injectorHook: h}
			for _, w := range p.Workloads {
				e.judge(p, w)
			}
			if len(e.workloads) > 0 {
				found = append(found, e.finding(p))
			}
		}
	}
	return found
}

// judge adds a workload that the webhook's conditions, and nothing else, keep
// out of the mesh.
func (e *excluding) judge(p *diagnose.Pass, w *mesh.Workload) {
	if neverInjected(w) {
		return
	}
	d, known := p.DecideWorkload(w)
	if !known || d.By != nil && !d.Refused {
		return
	}
	for _, v := range d.Webhooks {
		if v.Config != e.config.Name || v.Index != e.index || v.Matches {
			continue
		}
		failing, only := e.failing(v)
		if !only {
			continue
		}
		e.workloads = append(e.workloads, w.Ref)
		e.refused = e.refused || v.Refusal != ""
		for _, x := range v.Deciding {
			if !slices.Contains(e.got, x.Got) {
				e.got = append(e.got, x.Got)
			}
		}
		e.conditions = append(e.conditions, failing...)
	}
}

// failing lists the conditions that decided; only reports whether nothing else
// did.
func (e *excluding) failing(v admission.Verdict) (at []int, only bool) {
	for _, x := range v.Deciding {
		if !strings.HasPrefix(x.Field, e.field("matchConditions")) {
			return nil, false
		}
		for i := range e.hook().MatchConditions {
			if x.Field == e.field(fmt.Sprintf("matchConditions[%d]", i)) {
				at = append(at, i)
			}
		}
	}
	return at, len(v.Deciding) > 0
}

func (e *excluding) finding(p *diagnose.Pass) diagnose.Finding {
	slices.Sort(e.conditions)
	e.conditions = slices.Compact(e.conditions)
	conditions := e.hook().MatchConditions
	if len(e.conditions) == 0 { // all of them together cost too much
		for i := range conditions {
			e.conditions = append(e.conditions, i)
		}
	}
	var names []string
	f := diagnose.Finding{
		ID:     "webhook-match-conditions-exclude/" + e.config.Name + "/" + e.hook().Name,
		Object: configRef(e.config), Affects: e.workloads,
		Field: e.field(fmt.Sprintf("matchConditions[%d]", e.conditions[0])),
	}
	for _, i := range e.conditions {
		names = append(names, fmt.Sprintf("%q", conditions[i].Name))
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s: %s", conditions[i].Name, oneLine(conditions[i].Expression)))
	}
	f.Evidence = append(f.Evidence, e.got...)
	f.Message = fmt.Sprintf("match condition %s of %s in %s is false for %s: their new pods ask for a sidecar and get none",
		strings.Join(names, ", "), e.hook().Name, e.config.Name, hit(e.workloads))
	if e.refused {
		f.Message = fmt.Sprintf("match condition %s of %s in %s cannot be evaluated for %s: the API server refuses their new pods",
			strings.Join(names, ", "), e.hook().Name, e.config.Name, hit(e.workloads))
	}
	step := patchHooks("takes the condition out; where Helm or a GitOps tool put it in, take it out there too", []injectorHook{e.injectorHook}, e.remove)
	f.Fix = append([]diagnose.Step{step}, restarts(bareOf(p, e.workloads))...)
	return f
}

// remove takes the conditions out from the last to the first, so that the
// others keep their place.
func (e *excluding) remove(h injectorHook) []patchOp {
	if len(e.conditions) == len(h.hook().MatchConditions) {
		return []patchOp{{Op: "remove", Path: h.path("matchConditions")}}
	}
	var ops []patchOp
	for _, i := range slices.Backward(e.conditions) {
		at := h.path(fmt.Sprintf("matchConditions/%d", i))
		ops = append(ops, patchOp{"test", at + "/name", h.hook().MatchConditions[i].Name}, patchOp{Op: "remove", Path: at})
	}
	return ops
}
