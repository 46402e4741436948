package checks

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injectionDecided answers for workloads that the user named.
func injectionDecided() diagnose.Check {
	return diagnose.Check{
		Name:     "injection-decided",
		Area:     diagnose.Labels,
		Severity: diagnose.Info,
		Needs:    []mesh.Kind{mesh.Pods},
		Wants:    slices.Concat(webhookNeeds(), webhookWants()),
		Doc: `Why a workload that you named is in the mesh, or is not

The answer for each workload named on the command line, whatever is wrong or
right with it: what its running pods carry, and what a new pod would get and why.
Two gates decide: the API server, which calls a webhook whose selectors match the
labels of the namespace and the pod, and istiod, which may leave a pod alone. The
evidence goes through the webhooks one by one, with the expressions that decided.

It is for your information. What is wrong stands in findings of its own, with the
fix. Where webhooks or namespaces may not be read, only the running pods are told
of, and which right is missing.
`,
		Run: runInjectionDecided,
	}
}

func runInjectionDecided(p *diagnose.Pass) []diagnose.Finding {
	if !p.Scope.Named {
		return nil
	}
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		next, evidence := nextPod(p, w)
		found = append(found, diagnose.Finding{
			Message:  w.Ref.String() + " " + state(w) + "; " + next,
			Object:   w.Ref,
			Evidence: append(runningPods(w), evidence...),
			Affects:  []mesh.Ref{w.Ref},
		})
	}
	return found
}

// state says what a workload's running pods are.
func state(w *mesh.Workload) string {
	var with, ambient int
	for _, p := range w.Pods {
		switch {
		case mesh.InMesh(p):
			with++
		case mesh.Ambient(p):
			ambient++
		}
	}
	n := len(w.Pods)
	switch {
	case n == 0:
		return "has no pods"
	case ambient == n:
		return "is in the mesh through ztunnel (ambient), without a sidecar"
	case with == n:
		return "is in the mesh: " + everyPod(n)
	case with+ambient == 0:
		return "is not in the mesh: " + noPod(n)
	}
	return fmt.Sprintf("is partly in the mesh: %d of %s have a proxy", with, count(n, "pod"))
}

func everyPod(n int) string {
	if n == 1 {
		return "its pod has a proxy"
	}
	return fmt.Sprintf("all its %d pods have a proxy", n)
}

func noPod(n int) string {
	if n == 1 {
		return "its pod has no proxy"
	}
	return fmt.Sprintf("none of its %d pods has a proxy", n)
}

// runningPods tells of the first pods: who injected them, and which proxy.
func runningPods(w *mesh.Workload) []string {
	var told []string
	for i, p := range w.Pods {
		if i == 3 {
			told = append(told, fmt.Sprintf("and %d more", len(w.Pods)-i))
			break
		}
		told = append(told, "pod "+p.Name+": "+carried(p))
	}
	return told
}

func carried(p *core.Pod) string {
	if !mesh.InMesh(p) {
		if mesh.Ambient(p) {
			return "taken care of by ztunnel"
		}
		return "no proxy"
	}
	parts := []string{"proxy"}
	if v := mesh.ProxyVersion(&p.Spec); v != "" {
		parts = append(parts, v)
	}
	if rev := p.Annotations[mesh.RevisionLabel]; rev != "" {
		parts = append(parts, "injected by revision "+rev)
	} else if p.Annotations[mesh.StatusAnnotation] == "" {
		parts = append(parts, "not injected by Istio's webhook")
	}
	return strings.Join(parts, " ")
}

// nextPod says what a workload's next pod would get, and why.
func nextPod(p *diagnose.Pass, w *mesh.Workload) (string, []string) {
	gaps := p.Snapshot.Missing(mesh.MutatingWebhooks)
	if w.Namespace == nil {
		gaps = append(gaps, p.Snapshot.Missing(mesh.Namespaces)...)
	}
	d, ok := p.DecideWorkload(w)
	switch {
	case len(gaps) > 0:
		return "what a new pod would get is not known: " + gaps[0].String(), nil
	case !ok:
		return "what a new pod would get is not known: namespace " + w.Ref.Namespace + " was not read", nil
	}
	var evidence []string
	if d.Unknown != "" {
		evidence = append(evidence, d.Unknown)
	}
	evidence = append(evidence, verdicts(d)...)
	switch {
	case carriesProxy(w) && !d.Inject:
		return "its template brings a proxy of its own, which no webhook adds (" + d.Reason + ")", evidence
	case d.Inject:
		return "a new pod would be injected by revision " + d.Revision() + ": " + d.Reason, evidence
	case inAmbient(w):
		return "a new pod would get no sidecar, since ambient is asked for (label " + mesh.AmbientLabel + "=ambient)", evidence
	}
	return "a new pod would get no sidecar: " + d.Reason, evidence
}

// verdicts tells of each webhook why it would be called, or would not; of a pod
// that is injected, of those called alone.
func verdicts(d admission.Decision) []string {
	var told []string
	for _, v := range d.Webhooks {
		if v.Deactivated || d.Inject && !v.Matches {
			continue
		}
		at := "webhook " + v.Webhook + " of " + v.Config + " "
		if v.Refusal != "" {
			told = append(told, at+"makes the API server refuse the pod: "+v.Refusal)
			continue
		}
		if v.Matches {
			told = append(told, at+"is called: "+v.Istiod.Reason)
			continue
		}
		var why []string
		for _, e := range v.Deciding {
			why = append(why, e.Want+", but "+e.Got)
		}
		told = append(told, at+"is not called: it wants "+strings.Join(why, "; and "))
	}
	return told
}
