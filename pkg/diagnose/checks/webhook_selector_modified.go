package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookSelectorModified() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-selector-modified",
		Area: diagnose.Webhooks,
		Doc: `An injection webhook's selectors are not those of Istio's chart

Istio's chart gives each injection webhook a namespaceSelector and an
objectSelector that follow from its name and revision. Somebody changed them: an
expression was added, taken away or has other values. Then namespaces that are
labelled for injection are passed over in silence, or pods are injected that
nobody labelled.

Found by comparing the live selectors with those the chart renders for the
webhook's name and the configuration's revision or tag. Expressions of AKS's
admissions enforcer and the never-match of a switched-off webhook are left to
checks of their own. It is an error where it keeps workloads or namespaces out
that ask for injection, a warning where it draws others in, and otherwise
somebody's choice.

Fix: put the chart's selectors back with the printed patch; where Helm or a
GitOps tool made the change, make it there, or it comes back. Then restart the
pods that were created meanwhile. A cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"revision-unknown", "webhooks-overlap", "pod-older-than-injection", "injection-decided", "image-auto-not-injected"},
		Run:      findModifiedSelectors,
	}
}

// modified is a webhook whose selectors are not the chart's.
type modified struct {
	injectorHook
	want  selectors
	diffs []difference
}

func findModifiedSelectors(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		var changed []modified
		for _, h := range activeHooks(c) {
			if m, ok := compareSelectors(p, h); ok && len(m.diffs) > 0 {
				changed = append(changed, m)
			}
		}
		if len(changed) > 0 {
			found = append(found, modifiedFinding(p, changed))
		}
	}
	return found
}

// compareSelectors compares a webhook's selectors with the chart's, for the
// name under which they differ least: the configuration's label may be what is
// wrong, which is another check's fault to tell.
func compareSelectors(p *diagnose.Pass, h injectorHook) (best modified, ok bool) {
	names := []string{answersTo(h.config)}
	if istiodNamed(p, mesh.RevisionOf(h.config.Labels)) == nil {
		if cp := answering(p, h.hook().ClientConfig.Service); cp != nil {
			names = append(names, istiodRevision(cp.Deployment))
		}
		if _, rev, cut := strings.Cut(h.config.Name, "istio-sidecar-injector-"); cut {
			names = append(names, rev)
		}
	}
	live := h.live()
	for _, name := range names {
		want, known := chartSelectors(h.role(), name)
		if !known {
			return modified{}, false
		}
		diffs := slices.Concat(
			diffSelectors(h.field("namespaceSelector"), live.namespace, want.namespace),
			diffSelectors(h.field("objectSelector"), live.object, want.object),
		)
		if !ok || len(diffs) < len(best.diffs) {
			best, ok = modified{h, want, diffs}, true
		}
	}
	return best, ok
}

func modifiedFinding(p *diagnose.Pass, changed []modified) diagnose.Finding {
	c := changed[0].config
	out := keptOut(p, func(ns, pod map[string]string) bool {
		return slices.ContainsFunc(changed, func(m modified) bool {
			live := m.live()
			live.namespace, live.object = unenforced(live.namespace), unenforced(live.object)
			return m.want.match(ns, pod) && !live.match(ns, pod)
		})
	})
	in := drawnIn(p, changed)
	f := diagnose.Finding{
		Object: configRef(c), Field: changed[0].diffs[0].field, Severity: diagnose.Info,
		Message: fmt.Sprintf("%s selects otherwise than Istio's chart (%s), which keeps nobody out who asks for injection", c.Name, summary(changed)),
	}
	for _, m := range changed {
		for _, d := range m.diffs {
			f.Evidence = append(f.Evidence, m.hook().Name+": "+d.field+": "+d.text)
		}
	}
	if w, ok := lastWriter(&c.ObjectMeta, "namespaceSelector", "objectSelector"); ok {
		f.Evidence = append(f.Evidence, "selectors "+w.String())
	}
	switch {
	case out.any():
		f.Severity, f.Affects, f.Covers = diagnose.Error, out.workloads, namespaceRefs(out.namespaces)
		f.Message = fmt.Sprintf("%s selects otherwise than Istio's chart (%s): new pods of %s ask for a sidecar and get none", c.Name, summary(changed), out.who())
	case len(in) > 0:
		f.Severity, f.Affects = diagnose.Warning, in
		f.Message = fmt.Sprintf("%s selects otherwise than Istio's chart (%s): it injects pods that do not ask for it, of %s", c.Name, summary(changed), hit(in))
	}
	f.Fix = append([]diagnose.Step{restoreChanged(changed)}, restarts(bareOf(p, out.workloads))...)
	return f
}

// drawnIn are the workloads that only the change gets injected.
func drawnIn(p *diagnose.Pass, changed []modified) []mesh.Ref {
	refs := p.Routed(func(v *admission.Verdict) bool {
		return slices.ContainsFunc(changed, func(m modified) bool { return v.Config == m.config.Name && v.Index == m.index })
	})
	hits := map[mesh.Ref]bool{}
	for _, r := range refs {
		hits[r] = true
	}
	var in []mesh.Ref
	for _, w := range p.Workloads {
		if hits[w.Ref] && asksFor(w) == "" && !neverInjected(w) {
			in = append(in, w.Ref)
		}
	}
	return in
}

func summary(changed []modified) string {
	text := changed[0].diffs[0].text
	n := 0
	for _, m := range changed {
		n += len(m.diffs)
	}
	if n > 1 {
		text += fmt.Sprintf(", and %s more", count(n-1, "difference"))
	}
	return text
}

func restoreChanged(changed []modified) diagnose.Step {
	var hooks []injectorHook
	want := map[int]selectors{}
	for _, m := range changed {
		hooks = append(hooks, m.injectorHook)
		want[m.index] = m.want
	}
	return patchHooks("puts the chart's selectors back; where Helm or a GitOps tool made the change, make it there too", hooks, func(h injectorHook) []patchOp {
		live := h.live()
		var ops []patchOp
		if w := want[h.index].namespace; len(diffSelectors("", live.namespace, w)) > 0 {
			ops = append(ops, h.set("namespaceSelector", w))
		}
		if w := want[h.index].object; len(diffSelectors("", live.object, w)) > 0 {
			ops = append(ops, h.set("objectSelector", w))
		}
		return ops
	})
}
