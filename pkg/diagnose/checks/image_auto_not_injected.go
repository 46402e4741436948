package checks

import (
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func imageAutoNotInjected() diagnose.Check {
	return diagnose.Check{
		Name: "image-auto-not-injected",
		Area: diagnose.Injection,
		Doc: `A container waits for istiod to fill in its image "auto", and istiod did not

Gateways (and pods that change their sidecar) are written with a container istio-proxy of image "auto", which istiod replaces when it injects. When the pod is not injected, "auto" stays, and the kubelet tries to pull an image of that name: 'Failed to pull image "auto"'. It happens when the namespace or the pod lacks the label for injection, when the gateway was installed before istiod, or when the container has a name that no template knows.

It is found in pods and pod templates: those with image "auto" that run with it, and those whose next pod would keep it, judged by the webhooks' selectors and istiod's own rules.

To fix it, label what the finding names so that the pod is injected, then let its pods be made anew; whoever deploys it can. A pod that was made before istiod was there only has to be replaced.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.Pods, mesh.MutatingWebhooks, mesh.Namespaces},
		Wants:    nextPodWants(),
		Aliases:  []string{"IST0146", "IST0147"},
		Run:      runImageAutoNotInjected,
	}
}

func runImageAutoNotInjected(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		stuck := slices.DeleteFunc(slices.Clone(w.Pods), func(pod *core.Pod) bool {
			return pod.DeletionTimestamp != nil || waitsForImage(&pod.Spec) == ""
		})
		inTemplates := waitsForImage(&w.Template.Spec)
		if inTemplates == "" && len(stuck) == 0 {
			continue
		}
		d, known := p.DecideWorkload(w)
		if !known {
			continue
		}
		f := diagnose.Finding{Object: w.Ref, Affects: []mesh.Ref{w.Ref}, Field: inTemplate(w, "spec.containers["+inTemplates+"].image")}
		for _, pod := range stuck {
			f.Evidence = append(f.Evidence, fmt.Sprintf("container %s of pod %s/%s has the image auto", waitsForImage(&pod.Spec), pod.Namespace, pod.Name))
		}
		in, tried := p.Inject(w)
		switch {
		case !d.Inject && inTemplates != "":
			f.Message = fmt.Sprintf("%s is not injected, so the image auto of its container %s is never filled in and cannot be pulled: %s", w.Ref, inTemplates, d.Reason)
			f.Evidence = append(f.Evidence, d.Reason)
			f.Fix = fillIn(p, w)
		case tried && in.Pod != nil && waitsForImage(&in.Pod.Spec) != "":
			name := waitsForImage(&in.Pod.Spec)
			f.Message = fmt.Sprintf("no injection template fills in the image auto of container %s of %s", name, w.Ref)
			f.Evidence = append(f.Evidence, "templates fill in containers named "+mesh.ProxyContainer)
			f.Fix = []diagnose.Step{{Kind: diagnose.StepManual, Say: fmt.Sprintf("give container %s in the pod template of %s an image, or the name that the template expects; whoever deploys it can", name, w.Ref)}}
		case d.Inject && len(stuck) > 0:
			f.Field = ""
			f.Message = fmt.Sprintf("%s of %s cannot pull the image auto, which istiod did not fill in when it was made; a new pod would be injected", podsOfWorkload(stuck), w.Ref)
			f.Fix = replaced(p, []*mesh.Workload{w})
		default:
			continue
		}
		found = append(found, f)
	}
	return found
}

// waitsForImage names the container whose image istiod is to fill in; empty
// when there is none.
func waitsForImage(spec *core.PodSpec) string {
	for c := range allContainers(spec) {
		if c.Image == "auto" {
			return c.Name
		}
	}
	return ""
}

func podsOfWorkload(pods []*core.Pod) string {
	if len(pods) == 1 {
		return "pod " + pods[0].Namespace + "/" + pods[0].Name
	}
	return count(len(pods), "pod")
}

// fillIn are the steps that get a workload injected, the narrowest that works:
// the label on the pod, the namespace's labels taken away where they forbid
// it, or set. Each is tried on the webhooks before it is printed.
func fillIn(p *diagnose.Pass, w *mesh.Workload) []diagnose.Step {
	none := map[string]string{mesh.InjectionLabel: drop, mesh.RevisionLabel: drop}
	into, _ := intoMesh(p, w, edit{}, bestRevision(p))
	for _, e := range []edit{optIn(), {labels: none}, {labels: none, pod: optIn().pod}, into, {pod: map[string]string{mesh.InjectLabel: drop}}} {
		if !e.decide(p, w).Inject {
			continue
		}
		steps := append(e.namespaceSteps(w.Namespace), e.templateSteps(p, w)...)
		if len(e.pod) == 0 {
			steps = append(steps, replaced(p, []*mesh.Workload{w})...)
		}
		return steps
	}
	d, _ := p.DecideWorkload(w)
	return []diagnose.Step{{Kind: diagnose.StepManual, Say: "no label brings " + w.Ref.String() + " its proxy, since " + d.Reason + ": whoever runs Istio must see to that first, then restart it"}}
}
