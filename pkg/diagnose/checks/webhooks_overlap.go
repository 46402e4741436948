package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhooksOverlap() diagnose.Check {
	return diagnose.Check{
		Name: "webhooks-overlap",
		Area: diagnose.Webhooks,
		Doc: `Several injection webhooks match the same pod

A pod should be sent to one istiod once. Where several webhooks match it, each
injects: the second writes over what the first made, and which revision the pod
ends up with depends on the names of the configurations. It happens when Istio
was installed twice (Helm and istioctl), when an upgrade with Helm switches
istio-sidecar-injector on again beside a tag named default, or when
enableNamespacesByDefault is set for two revisions.

Found by evaluating every injection webhook for every workload and labelled
namespace.

Fix: leave one of them. Where a tag named default stands beside an active
istio-sidecar-injector, setting the tag again switches the latter off; a
configuration whose istiod is gone is deleted. A cluster administrator can do
it.`,
		Severity: diagnose.Warning,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"revision-changed"},
		Aliases:  []string{"IST0139"},
		Run:      findOverlaps,
	}
}

// overlap is a set of webhooks that match the same pods.
type overlap struct {
	verdicts []admission.Verdict
	asking
}

func findOverlaps(p *diagnose.Pass) []diagnose.Finding {
	overlaps := map[string]*overlap{}
	note := func(d admission.Decision) *overlap {
		var matching []admission.Verdict
		var names []string
		for _, v := range d.Webhooks {
			if v.Matches {
				matching = append(matching, v)
				names = append(names, v.Config)
			}
		}
		if len(matching) < 2 {
			return nil
		}
		key := strings.Join(slices.Compact(names), ",")
		if overlaps[key] == nil {
			overlaps[key] = &overlap{verdicts: matching}
		}
		return overlaps[key]
	}
	for _, w := range p.Workloads {
		if d, known := p.DecideWorkload(w); known && !neverInjected(w) {
			if o := note(d); o != nil {
				o.workloads = append(o.workloads, w.Ref)
			}
		}
	}
	for _, ns := range p.Snapshot.Namespaces {
		if namespaceAsksFor(ns) == "" {
			continue
		}
		if o := note(p.Decide(ns, admission.Template{})); o != nil {
			o.namespaces = append(o.namespaces, ns.Name)
		}
	}
	var found []diagnose.Finding
	for _, key := range slices.Sorted(maps.Keys(overlaps)) {
		found = append(found, overlaps[key].finding(p))
	}
	return found
}

func (o *overlap) finding(p *diagnose.Pass) diagnose.Finding {
	loser, fix := o.resolve(p)
	var names, revisions []string
	f := diagnose.Finding{
		Object: mesh.RefTo(mesh.MutatingWebhooks, "", loser), Affects: o.workloads,
		Field: "webhooks", Fix: fix,
	}
	for _, v := range o.verdicts {
		names = append(names, v.Config)
		revisions = append(revisions, v.Revision)
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s in %s matches, for revision %s", v.Webhook, v.Config, v.Revision))
	}
	names = slices.Compact(names)
	slices.Sort(revisions)
	revisions = slices.Compact(revisions)
	f.Message = fmt.Sprintf("%s match the same pods, of %s: each of them injects", strings.Join(names, " and "), o.who())
	if len(revisions) > 1 {
		f.Message += ", one after the other, for revisions " + strings.Join(revisions, " and ")
	}
	for _, n := range names {
		if n != loser {
			f.Covers = append(f.Covers, mesh.RefTo(mesh.MutatingWebhooks, "", n))
		}
	}
	f.ID = "webhooks-overlap/" + strings.Join(names, "+")
	return f
}

// resolve names the configuration that has to give way, and how.
func (o *overlap) resolve(p *diagnose.Pass) (loser string, fix []diagnose.Step) {
	configs := map[string]admission.Verdict{}
	for _, v := range o.verdicts {
		configs[v.Config] = v
	}
	names := slices.Sorted(maps.Keys(configs))
	for _, n := range names { // one whose istiod is gone
		if v := configs[n]; len(names) > 1 && o.gone(p, v) {
			return n, []diagnose.Step{{Run: kubectl("", "delete", "mutatingwebhookconfiguration", n), Say: "its istiod is gone", Kind: diagnose.StepOther}}
		}
	}
	for _, n := range names { // the base configuration beside the tag default
		tag := slices.IndexFunc(names, func(t string) bool { return configs[t].Tag == "default" })
		if v := configs[n]; v.Tag == "" && v.Revision == "default" && tag >= 0 {
			to := configs[names[tag]].Revision
			return n, []diagnose.Step{{
				Run:  tagSet(p, "default", to),
				Say:  "switches " + n + " off, so that the tag alone serves; where Helm owns it, the next upgrade switches it on again: install the default revision with a name, or the tag with revisionTags",
				Kind: diagnose.StepOther,
			}}
		}
	}
	if len(names) == 1 {
		return names[0], []diagnose.Step{{Kind: diagnose.StepManual, Say: "put the selectors of " + names[0] + " back to those of Istio's chart, which exclude each other (helm upgrade of the istiod chart, or istioctl install)"}}
	}
	return names[len(names)-1], []diagnose.Step{{
		Kind: diagnose.StepManual,
		Say:  "decide which control plane serves these workloads, and take the selectors of the other configuration off them: " + strings.Join(names, ", ") + " (for two installations, uninstall one; for enableNamespacesByDefault, set it for one revision only)",
	}}
}

// gone reports whether nothing answers behind a configuration: its Service does
// not exist.
func (o *overlap) gone(p *diagnose.Pass, v admission.Verdict) bool {
	for _, c := range mesh.Injectors(p.Snapshot) {
		if svc := calledService(c); c.Name == v.Config && svc != nil {
			return p.Snapshot.Complete(mesh.Services, svc.Namespace) && serviceOf(p.Snapshot, svc.Namespace, svc.Name) == nil
		}
	}
	return false
}
