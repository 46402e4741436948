package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookRevisionLabelWrong() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-revision-label-wrong",
		Area: diagnose.Webhooks,
		Doc: `A webhook configuration names no revision of istiod, or another one's

istiod writes its root certificate into webhook configurations whose label
istio.io/rev is its own revision (istio.io/istio 1.29.1,
pkg/webhooks/webhookpatch.go). When the label is missing or names a revision
that does not run, nobody writes: caBundle stays empty, or goes stale at the
next change of the CA, and then every pod the webhook matches is refused: x509:
certificate signed by unknown authority. istioctl and tags, too, find a
revision's webhooks by this label.

Found by comparing the label with the revision of the istiod that answers behind
the webhook's Service (env REVISION of its container).

Fix: put the label right with the printed command; istiod then fills in
caBundle at once. A cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: append(caExplains(), "ca-bundle-empty", "ca-bundle-mismatch", "ca-bundle-expired", "webhook-selector-modified", "revision-changed"),
		Run:      findWrongLabels,
	}
}

func findWrongLabels(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		hooks := activeHooks(c)
		cp := answering(p, calledService(c))
		if len(hooks) == 0 || cp == nil {
			continue
		}
		label, labelled := c.Labels[mesh.RevisionLabel]
		revision := istiodRevision(cp.Deployment)
		if labelled && label == revision || labelled && istiodNamed(p, label) != nil {
			continue
		}
		f := diagnose.Finding{
			Severity: diagnose.Warning,
			Object:   configRef(c), Field: "metadata.labels[" + mesh.RevisionLabel + "]", Affects: routedTo(p, hooks),
			Evidence: []string{fmt.Sprintf("it calls istiod of revision %s (Deployment %s/%s)", revision, cp.Namespace, cp.Deployment.Name)},
		}
		is := fmt.Sprintf("is labelled %s=%s, which is no running istiod's revision", mesh.RevisionLabel, label)
		if !labelled {
			is = "has no label " + mesh.RevisionLabel
		}
		f.Message = fmt.Sprintf("%s %s: istiod of revision %s does not keep its CA bundle", c.Name, is, revision)
		for _, h := range hooks {
			if len(h.hook().ClientConfig.CABundle) == 0 {
				f.Severity = diagnose.Error
				f.Message += ", which is empty, so the API server refuses every pod it would send there"
				break
			}
		}
		if f.Severity != diagnose.Error && stale(p, hooks) {
			f.Severity = diagnose.Error
			f.Message += ", which does not verify istiod, so the API server refuses every pod it would send there"
		}
		if w, ok := lastWriter(&c.ObjectMeta, mesh.RevisionLabel); ok {
			f.Evidence = append(f.Evidence, "label "+w.String())
		}
		f.Fix = []diagnose.Step{{
			Run:  kubectl("", "label", "mutatingwebhookconfiguration", c.Name, pair(mesh.RevisionLabel, revision), "--overwrite"),
			Say:  "istiod then fills in caBundle",
			Kind: diagnose.StepLabel,
		}}
		found = append(found, f)
	}
	return found
}

// stale reports whether a bundle has nothing in common with istiod's root.
func stale(p *diagnose.Pass, hooks []injectorHook) bool {
	for _, h := range hooks {
		svc := h.hook().ClientConfig.Service
		if svc == nil {
			continue
		}
		if root := publishedRoot(p.Snapshot, svc.Namespace); len(root) > 0 && !readBundle(h.hook().ClientConfig.CABundle).shares(root) {
			return true
		}
	}
	return false
}
