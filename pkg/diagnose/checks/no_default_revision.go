package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func noDefaultRevision() diagnose.Check {
	return diagnose.Check{
		Name: "no-default-revision",
		Area: diagnose.Webhooks,
		Doc: `istio-injection=enabled is used, but no control plane is the default one

The label istio-injection=enabled on a namespace, and sidecar.istio.io/inject:
"true" on a pod, ask the default revision. A control plane that was installed
with a revision name (Helm: revision: 1-29, istioctl: --set revision=1-29) is
not the default one, unless a tag named default points to it. Then nobody
answers, and pods come up without a sidecar.

Found where such labels exist and no MutatingWebhookConfiguration is for
"default" (label istio.io/rev=default or istio.io/tag=default).

Fix: make one revision the default with istioctl tag set default --revision
REVISION (Helm: revisionTags: [default] in the istiod chart), or label the
namespaces istio.io/rev=REVISION in place of istio-injection=enabled. A cluster
administrator can do the first, whoever owns the namespace the second.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"proxy-version-skew", "revision-changed", "pod-older-than-injection", "injection-decided", "image-auto-not-injected"},
		Run:      findNoDefault,
	}
}

func findNoDefault(p *diagnose.Pass) []diagnose.Finding {
	configs := mesh.Injectors(p.Snapshot)
	if !p.Snapshot.Complete(mesh.MutatingWebhooks, "") || len(configs) == 0 || istiodNamed(p, "default") != nil {
		return nil
	}
	var revisions []string
	for _, c := range configs {
		if answersTo(c) == "default" {
			return nil
		}
		revisions = append(revisions, mesh.RevisionOf(c.Labels))
	}
	slices.Sort(revisions)
	revisions = slices.Compact(revisions)
	rule := func(ns, pod map[string]string) bool {
		for _, role := range []string{"namespace", "object"} {
			if s, _ := chartSelectors(role, "default"); s.match(ns, pod) {
				return true
			}
		}
		return false
	}
	who := keptOut(p, rule)
	if !who.any() {
		return nil
	}
	to := bestRevision(p)
	if to == "" {
		to = revisions[len(revisions)-1]
	}
	f := diagnose.Finding{
		Message: fmt.Sprintf("labels of %s ask for the default revision, and there is none: the control planes are of revision %s, and no tag is named default",
			who.who(), strings.Join(revisions, ", ")),
		Object:  mesh.RefTo(mesh.MutatingWebhooks, "", configs[0].Name),
		Field:   "metadata.labels[" + mesh.RevisionLabel + "]",
		Affects: who.workloads,
	}
	for _, c := range configs {
		f.Evidence = append(f.Evidence, "MutatingWebhookConfiguration "+c.Name+" is for "+answersTo(c))
	}
	f.Covers = namespaceRefs(who.namespaces)
	f.Fix = []diagnose.Step{{
		Run:  tagSet(p, "default", to),
		Say:  "makes " + to + " the default revision (Helm: revisionTags: [default] in the istiod chart)" + orLabel(who.namespaces, to),
		Kind: diagnose.StepOther,
	}}
	f.Fix = append(f.Fix, restarts(append(bareOf(p, who.workloads), stranded(p, who.workloads)...))...)
	return []diagnose.Finding{f}
}

// orLabel is the way without istioctl, where namespaces ask by their label.
func orLabel(namespaces []string, revision string) string {
	if len(namespaces) == 0 {
		return ""
	}
	return "; without istioctl: " + kubectl("", slices.Concat([]string{"label", "namespace"}, namespaces, []string{mesh.InjectionLabel + "-", pair(mesh.RevisionLabel, revision)})...)
}

// tagSet is istioctl's command that points a tag to a revision, also one that
// does not live in istio-system.
func tagSet(p *diagnose.Pass, tag, revision string) string {
	words := []string{"istioctl", "tag", "set", tag, "--revision", revision, "--overwrite"}
	if cp := istiodNamed(p, revision); cp != nil && cp.Namespace != "istio-system" {
		words = append(words, "--istioNamespace", cp.Namespace)
	}
	return command(words...)
}

func namespaceRefs(names []string) []mesh.Ref {
	var refs []mesh.Ref
	for _, n := range names {
		refs = append(refs, mesh.RefTo(mesh.Namespaces, "", n))
	}
	return refs
}
