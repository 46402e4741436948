package checks

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// namespaceLabelMisspelt reports injection labels that no webhook understands.
func namespaceLabelMisspelt() diagnose.Check {
	return diagnose.Check{
		Name:     namespaceLabelMisspeltName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Doc: `A namespace's injection label is misspelt, or is an annotation

Webhooks compare labels letter by letter. istio-injection means something with
the value enabled alone: true, Enabled, yes or enalbed inject nothing, and what
is more, pods there cannot even opt in. A key that is not exactly
istio-injection or istio.io/rev (istio-injecton, istio.io/revision, the pod's
sidecar.istio.io/inject) is just any label. And an annotation is seen by no
webhook.

It is a warning, and an error for a workload that you named. A misspelt disabled
is for your information: it has the effect that was meant.

Found by the namespace's labels and annotations: a key two letters or less away
from a right one, or one of those people often write, with a value that asks for
injection. The fix sets the label that was meant, takes the wrong one away, and
replaces the running pods. Whoever may label the namespace can do it.
`,
		Run: runNamespaceLabelMisspelt,
	}
}

func runNamespaceLabelMisspelt(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	if len(injectorHooks(p.Snapshot)) == 0 {
		return nil
	}
	for _, g := range withEmpty(p, namespaceLabelMisspeltName) {
		if f, ok := misspelt(p, g); ok {
			found = append(found, f)
		}
	}
	return append(found, misspeltOptOuts(p)...)
}

// misspelt is the finding about a namespace whose label asks for injection in
// a way that no webhook understands.
func misspelt(p *diagnose.Pass, g group) (diagnose.Finding, bool) {
	labels, notes := g.namespace.Labels, g.namespace.Annotations
	value, hasInjection := labels[mesh.InjectionLabel]
	_, hasRevision := labels[mesh.RevisionLabel]
	if hasInjection && (hasRevision || value == "enabled" || value == "disabled" || wishOf(value) == wantsOut) ||
		hasRevision || labels[mesh.AmbientLabel] == "ambient" || slices.Contains(systemNamespaces(), g.namespace.Name) {
		return diagnose.Finding{}, false
	}
	f := diagnose.Finding{Severity: diagnose.Warning, Object: g.ref(), Affects: g.refs()}
	if p.Scope.Named {
		f.Severity = diagnose.Error
	}
	name := "Namespace " + g.namespace.Name
	stray, strayNotes := strayKeys(labels), strayAnnotations(notes)
	also := edit{labels: dropAll(stray), annotations: dropAll(strayNotes)}
	var meant []string
	switch {
	case hasInjection:
		f.Field = "metadata.labels[" + mesh.InjectionLabel + "]"
		f.Message = name + " is labelled " + pair(mesh.InjectionLabel, value) + ", where only the value enabled asks for sidecars, " + g.consequence()
		if slices.Contains(revisionNames(p), value) {
			f.Message = name + " is labelled " + pair(mesh.InjectionLabel, value) + ", but a revision is asked for with " + pair(mesh.RevisionLabel, value) + ", " + g.consequence()
		}
		f.Evidence = []string{"label " + pair(mesh.InjectionLabel, value)}
		meant = []string{value}
	case len(stray) > 0:
		key := stray[0]
		f.Field = "metadata.labels[" + key + "]"
		f.Message = name + " is labelled " + pair(key, labels[key]) + ", a key that no webhook reads (" + meantKey(key) + " was meant), " + g.consequence()
		f.Evidence = pairs("label", stray, labels)
		meant = []string{labels[key]}
	case len(strayNotes) > 0:
		key := strayNotes[0]
		f.Field = "metadata.annotations[" + key + "]"
		f.Message = name + " carries " + pair(key, notes[key]) + " as an annotation, and webhooks read labels alone, " + g.consequence()
		f.Evidence = pairs("annotation", strayNotes, notes)
		meant = []string{notes[key]}
	default:
		return diagnose.Finding{}, false
	}
	e, ok := intoMesh(p, g.newcomer(), also, meant...)
	f.Fix = g.fix(p, e, ok)
	return f, true
}

// misspeltOptOuts are namespaces with a misspelt istio-injection=disabled.
func misspeltOptOuts(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, ns := range p.Snapshot.Namespaces {
		value, ok := ns.Labels[mesh.InjectionLabel]
		if !ok || value == "disabled" || wishOf(value) != wantsOut || !p.Scope.Has(ns.Name) || p.Scope.Workloads != nil {
			continue
		}
		found = append(found, diagnose.Finding{
			Severity: diagnose.Info,
			Message:  "Namespace " + ns.Name + " is labelled " + pair(mesh.InjectionLabel, value) + ", which keeps sidecars away only because it is not enabled; the right value is disabled",
			Object:   mesh.RefTo(mesh.Namespaces, "", ns.Name),
			Field:    "metadata.labels[" + mesh.InjectionLabel + "]",
			Evidence: []string{"label " + pair(mesh.InjectionLabel, value)},
			Fix:      edit{labels: map[string]string{mesh.InjectionLabel: "disabled"}}.namespaceSteps(ns),
		})
	}
	return found
}

func dropAll(keys []string) map[string]string {
	m := map[string]string{}
	for _, k := range keys {
		m[k] = drop
	}
	return m
}

func pairs(what string, keys []string, values map[string]string) []string {
	var all []string
	for _, k := range keys {
		all = append(all, what+" "+pair(k, values[k]))
	}
	return all
}
