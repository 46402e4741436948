package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func injectorWebhookDeactivated() diagnose.Check {
	return diagnose.Check{
		Name: "injector-webhook-deactivated",
		Area: diagnose.Webhooks,
		Doc: `Injection webhooks are switched off and nothing stands in for them

istioctl installs a tag named default: the configuration
istio-revision-tag-default does the work, and istio-sidecar-injector is switched
off by selectors that nothing matches (istio.io/deactivated: never-match). That
is healthy. When the tag's configuration is deleted, or the tag is removed,
nothing serves the namespaces any more, and their new pods come up without a
sidecar.

Found where namespaces or pods ask for injection, only switched-off webhooks
would match them, and no active one does.

Fix: give the webhooks their own selectors back, or set the tag again
(istioctl tag set default --revision default --overwrite). Then restart the
pods that were created meanwhile. A cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: []string{"no-default-revision", "revision-unknown", "pod-older-than-injection", "injection-decided", "image-auto-not-injected"},
		Run:      findDeactivated,
	}
}

func findDeactivated(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		var off []injectorHook
		for _, h := range hooksOf(c) {
			if _, known := chartSelectors(h.role(), answersTo(c)); known && !h.active() {
				off = append(off, h)
			}
		}
		who := keptOut(p, func(ns, pod map[string]string) bool {
			for _, h := range off {
				if s, _ := chartSelectors(h.role(), answersTo(c)); s.match(ns, pod) {
					return true
				}
			}
			return false
		})
		if !who.any() {
			continue
		}
		f := diagnose.Finding{
			Message: fmt.Sprintf("the webhooks of %s are switched off (never-match) and no other configuration serves %s: new pods of %s get no sidecar",
				c.Name, answersTo(c), who.who()),
			Object:   configRef(c),
			Field:    fieldsOf(off, "namespaceSelector"),
			Evidence: []string{"selectors want the label " + deactivatedKey + "=never-match, which nothing carries: " + hookNames(off)},
			Affects:  who.workloads,
		}
		say := "gives the webhooks their own selectors back"
		if answersTo(c) == "default" {
			say += "; istioctl tag set default --revision default --overwrite serves the namespaces as well"
		}
		f.Fix = append([]diagnose.Step{restoreSelectors(say, off)}, restarts(bareOf(p, who.workloads))...)
		found = append(found, f)
	}
	return found
}

// restoreSelectors is the command that gives webhooks of one configuration the
// selectors of Istio's chart.
func restoreSelectors(say string, hooks []injectorHook) diagnose.Step {
	return patchHooks(say, hooks, func(h injectorHook) []patchOp {
		s, _ := chartSelectors(h.role(), answersTo(h.config))
		return []patchOp{h.set("namespaceSelector", s.namespace), h.set("objectSelector", s.object)}
	})
}
