package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// revisionUnknown reports labels that name a revision which does not exist.
func revisionUnknown() diagnose.Check {
	return diagnose.Check{
		Name:     revisionUnknownName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"proxy-version-skew", "image-auto-not-injected", "injection-decided"},
		Doc: `The label istio.io/rev names a revision that no control plane serves

With istio.io/rev a namespace or a pod asks one revision of istiod, or a tag, to
inject it. No webhook of this cluster listens to this name: it is misspelt, or
the revision was uninstalled after an upgrade, or the tag was never set. No error
is printed anywhere; pods come up without a sidecar. Pods made before still have
theirs, until they are replaced: while that is so for all of them, and their own
revision still runs, it is a warning.

Found by comparing the label with the revisions and tags of all injection
webhooks (their labels istio.io/rev and istio.io/tag, and the values of
istio.io/rev in their selectors). The fix names the revision that is nearest and
really leads to a sidecar. If the name is right and other clusters have it, set
a tag of that name instead: istioctl tag set NAME --revision REVISION, which
whoever runs Istio can do.
`,
		Run: runRevisionUnknown,
	}
}

func runRevisionUnknown(p *diagnose.Pass) []diagnose.Finding {
	if len(injectorHooks(p.Snapshot)) == 0 {
		return nil
	}
	var found []diagnose.Finding
	for _, g := range withEmpty(p, revisionUnknownName) {
		name, ok := g.namespace.Labels[mesh.RevisionLabel]
		if !ok {
			for _, w := range g.workloads {
				found = append(found, unknownToPod(p, w))
			}
			continue
		}
		if f, ok := unknownToNamespace(p, g, name); ok {
			found = append(found, f)
		}
	}
	return found
}

func unknownToNamespace(p *diagnose.Pass, g group, name string) (diagnose.Finding, bool) {
	known := revisionNames(p)
	_, both := g.namespace.Labels[mesh.InjectionLabel]
	if len(g.workloads) == 0 && (both || slices.Contains(known, name) || g.namespace.Labels[mesh.AmbientLabel] == "ambient") ||
		slices.Contains(systemNamespaces(), g.namespace.Name) {
		return diagnose.Finding{}, false
	}
	f := diagnose.Finding{
		Severity: diagnose.Error,
		Message: fmt.Sprintf("Namespace %s asks for revision %q, which no webhook serves (known: %s), %s",
			g.namespace.Name, name, strings.Join(known, ", "), g.consequence()),
		Object:   g.ref(),
		Field:    "metadata.labels[" + mesh.RevisionLabel + "]",
		Evidence: []string{"label " + pair(mesh.RevisionLabel, name), "revisions and tags: " + strings.Join(known, ", ")},
		Affects:  g.refs(),
	}
	switch {
	case len(g.workloads) == 0:
		f.Severity = diagnose.Warning
	case g.stillIn():
		f.Severity = soonOut(g, name)
		f.Evidence = append(f.Evidence, "the running pods still have their sidecars: the next ones will not")
	}
	e, ok := intoMesh(p, g.newcomer(), edit{}, nearest(name, preferred(p))...)
	f.Fix = tagInstead(g.fix(p, e, ok), name, e.labels[mesh.RevisionLabel])
	return f, true
}

func unknownToPod(p *diagnose.Pass, w *mesh.Workload) diagnose.Finding {
	known := revisionNames(p)
	name := w.Template.Labels[mesh.RevisionLabel]
	var tries []edit
	for _, rev := range nearest(name, preferred(p)) {
		tries = append(tries, edit{pod: map[string]string{mesh.RevisionLabel: rev}})
	}
	tries = append(tries, edit{pod: map[string]string{mesh.RevisionLabel: drop, mesh.InjectLabel: "true"}})
	e, ok := firstThatHelps(p, w, tries...)
	steps := e.templateSteps(p, w)
	if !ok {
		steps = append(steps, notEnough())
	}
	f := diagnose.Finding{
		Severity: diagnose.Error,
		Message: fmt.Sprintf("%s asks for revision %q with the label istio.io/rev%s, which no webhook serves (known: %s), so that it gets no sidecar",
			w.Ref, name, onPods(w), strings.Join(known, ", ")),
		Object:   w.Ref,
		Field:    templateField(w, "labels", mesh.RevisionLabel),
		Evidence: []string{"pod label " + pair(mesh.RevisionLabel, name), "revisions and tags: " + strings.Join(known, ", ")},
		Affects:  []mesh.Ref{w.Ref},
		Fix:      tagInstead(steps, name, e.pod[mesh.RevisionLabel]),
	}
	if g := (group{workloads: []*mesh.Workload{w}}); g.stillIn() {
		f.Severity = soonOut(g, name)
	}
	return f
}

// soonOut is the severity for workloads that still have their sidecars: an
// error where these belong to the revision that is gone, and have no istiod.
func soonOut(g group, name string) diagnose.Severity {
	for _, w := range g.workloads {
		for _, pod := range w.Pods {
			if pod.Annotations[mesh.RevisionLabel] == name {
				return diagnose.Error
			}
		}
	}
	return diagnose.Warning
}

// tagInstead says beside the first step what else would do: a tag of the name.
func tagInstead(steps []diagnose.Step, name, revision string) []diagnose.Step {
	if len(steps) > 0 && name != "" && revision != "" && revision != drop {
		steps[0].Say = strings.TrimPrefix(steps[0].Say+"; ", "; ") +
			"or, if the name is right, whoever runs Istio sets a tag: istioctl tag set " + name + " --revision " + revision
	}
	return steps
}

// templateField names a label or annotation of what a workload's pods are made
// of.
func templateField(w *mesh.Workload, what, key string) string {
	path := "spec.template.metadata."
	switch w.Ref.Kind {
	case "Pod":
		path = "metadata."
	case "CronJob":
		path = "spec.jobTemplate.spec.template.metadata."
	}
	return path + what + "[" + key + "]"
}
