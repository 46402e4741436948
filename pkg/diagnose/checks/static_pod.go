package checks

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// staticPod tells of pods that a kubelet runs from a file.
func staticPod() diagnose.Check {
	return diagnose.Check{
		Name:     staticPodName,
		Area:     diagnose.Labels,
		Severity: diagnose.Info,
		Needs:    append(webhookNeeds(), mesh.Pods),
		Wants:    webhookWants(),
		Explains: []string{"injection-decided"},
		Doc: `A static pod is run by its node from a file, past the API server

A kubelet starts static pods from files on its node. What the API server shows is
a mirror (annotation kubernetes.io/config.mirror): a webhook could change the
mirror, and the pod would stay as the file says. So no sidecar comes.

Found by that annotation, in namespaces that ask for sidecars; for pods that you
named, in any case. To bring it into the mesh, make it a Deployment or DaemonSet;
whoever runs the node can. It is for your information.
`,
		Run: runStaticPod,
	}
}

func runStaticPod(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range absentFrom(p, staticPodName) {
		if d, _ := p.DecideWorkload(w); !d.Inject && !p.Scope.Named {
			continue
		}
		found = append(found, diagnose.Finding{
			Message:  w.Ref.String() + " is a static pod: its node runs it from a file, past every webhook, so that it gets no sidecar",
			Object:   w.Ref,
			Field:    "metadata.annotations[kubernetes.io/config.mirror]",
			Evidence: []string{"annotation kubernetes.io/config.mirror is set"},
			Affects:  []mesh.Ref{w.Ref},
			Fix: []diagnose.Step{{
				Kind: diagnose.StepManual,
				Say:  "nothing, if it is part of the node; else whoever runs the node makes it a Deployment or DaemonSet",
			}},
		})
	}
	return found
}
