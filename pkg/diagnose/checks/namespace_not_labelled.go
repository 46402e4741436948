package checks

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// namespaceNotLabelled reports namespaces of which no label asks for sidecars.
func namespaceNotLabelled() diagnose.Check {
	return diagnose.Check{
		Name:     namespaceNotLabelledName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(intentKinds()...),
		Explains: []string{"injection-decided"},
		Aliases:  []string{"IST0102"},
		Doc: `A namespace has no label that asks for sidecars

Pods get a sidecar only where somebody asked for it: a label on the namespace
(istio-injection=enabled, or istio.io/rev=REVISION), or a label on the pod
(sidecar.istio.io/inject: "true", or istio.io/rev). This namespace has neither,
and neither have these workloads.

That may be just what was meant: it is for your information. It becomes a
warning where something says otherwise: a pod there has a sidecar that nothing
would inject again, or a VirtualService, DestinationRule, PeerAuthentication or
AuthorizationPolicy lives there. It is an error for a workload that you named.
Ambient namespaces, system namespaces, those of the control plane, and pods that
opt out are never reported.

Found by the namespace's labels, and by trying the selectors of every injection
webhook on every workload. The fix labels the namespace with what a webhook of
this cluster listens to, and replaces the running pods, since sidecars come only
with new pods. Whoever may label the namespace can do it.
`,
		Run: runNamespaceNotLabelled,
	}
}

func runNamespaceNotLabelled(p *diagnose.Pass) []diagnose.Finding {
	groups := grouped(absentFrom(p, namespaceNotLabelledName))
	if len(groups) == 0 {
		return nil
	}
	shown := signs(p)
	var found []diagnose.Finding
	for _, g := range groups {
		f := diagnose.Finding{
			Severity: diagnose.Info,
			Message:  "Namespace " + g.namespace.Name + " has no injection label, " + g.consequence(),
			Object:   g.ref(),
			Field:    "metadata.labels",
			Evidence: []string{"labels " + mesh.InjectionLabel + " and " + mesh.RevisionLabel + " are not set"},
			Affects:  g.refs(),
		}
		if why := shown[g.namespace.Name]; len(why) > 0 {
			f.Severity = diagnose.Warning
			f.Message += ", though it seems meant to be in the mesh: " + why[0]
			f.Evidence = append(f.Evidence, why...)
		}
		if p.Scope.Named {
			f.Severity = diagnose.Error
		}
		e, ok := intoMesh(p, g.newcomer(), edit{})
		f.Fix = g.fix(p, e, ok)
		if f.Severity == diagnose.Info {
			f.Fix[0].Say = "only if it is to be in the mesh"
		}
		found = append(found, f)
	}
	return found
}
