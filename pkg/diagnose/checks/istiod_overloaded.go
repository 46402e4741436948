package checks

import (
	"fmt"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func istiodOverloaded() diagnose.Check {
	return diagnose.Check{
		Name: "istiod-overloaded",
		Area: diagnose.ControlPlane,
		Doc: `istiod has too little memory or too few replicas

An istiod that is killed for want of memory, or whose autoscaler has reached its limit, answers webhook calls late or not at all: some pods are refused with "context deadline exceeded", and configuration reaches proxies late.

It is found from the last state of istiod's containers (OOMKilled within the last day) and from its HorizontalPodAutoscaler (condition ScalingLimited for TooManyReplicas at maxReplicas). While calls time out it is an error, else a warning.

To fix it, give istiod more memory or more replicas, or less to do (discoverySelectors, Sidecar resources); whoever may change the namespace of istiod can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Pods, mesh.Services, mesh.EndpointSlices},
		Wants:    backendKinds(mesh.Autoscalers),
		Explains: []string{"istiod-unreachable-from-api-server", "webhook-timeout-too-short", "pod-creation-refused", "webhook-calls-failed-before"},
		Run:      runIstiodOverloaded,
	}
}

func runIstiodOverloaded(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		if b.deployment == nil || !b.healthy() {
			continue
		}
		f := diagnose.Finding{
			Severity: diagnose.Warning, Object: mesh.RefTo(mesh.Deployments, b.namespace, b.deployment.Name), Covers: b.covers(),
		}
		switch pod, c := b.outOfMemory(p.Snapshot.Time); {
		case pod != nil:
			f.Message = fmt.Sprintf("istiod %s/%s runs out of memory: container %s of pod %s was OOMKilled at %s (%s)",
				b.namespace, b.deployment.Name, c.Name, pod.Name, clock(c.LastTerminationState.Terminated.FinishedAt.Time), count(int(c.RestartCount), "restart"))
			f.Field = "spec.template.spec.containers.resources"
			f.Evidence = []string{fmt.Sprintf("Pod %s/%s: last state of container %s is OOMKilled, its memory limit is %s", pod.Namespace, pod.Name, c.Name, memoryLimit(pod, c.Name))}
			f.Fix = b.memoryFix(pod, c.Name)
		default:
			h := b.atLimit(p.Snapshot)
			if h == nil {
				continue
			}
			f.Message = fmt.Sprintf("istiod %s/%s needs more replicas than it may have: HorizontalPodAutoscaler %s is at its maxReplicas of %d", b.namespace, b.deployment.Name, h.Name, h.Spec.MaxReplicas)
			f.Evidence = []string{fmt.Sprintf("HorizontalPodAutoscaler %s/%s: condition ScalingLimited is True (TooManyReplicas), %d of at most %d replicas", h.Namespace, h.Name, h.Status.CurrentReplicas, h.Spec.MaxReplicas)}
			f.Fix = []diagnose.Step{{Kind: diagnose.StepScale,
				Run: kubectl(h.Namespace, "patch", "horizontalpodautoscaler", h.Name, "--type=merge", "-p", fmt.Sprintf(`{"spec":{"maxReplicas":%d}}`, 2*h.Spec.MaxReplicas)),
				Say: fmt.Sprintf("and keep it in the values it is installed with: pilot.autoscaleMax=%d", 2*h.Spec.MaxReplicas)}}
		}
		if said, _ := b.split(p.Snapshot, b.refused(p, all, causeTimeout)); len(said) > 0 {
			f.Severity = diagnose.Error
			f.Affects = b.routed(p)
			f.Message += ", and calls to it time out"
			f.Evidence = append(f.Evidence, said[0].Workload.Ref.String()+": "+said[0].Message)
		}
		found = append(found, f)
	}
	return found
}

// outOfMemory is the pod and container that was killed for want of memory
// within the last day.
func (b *backend) outOfMemory(now time.Time) (*core.Pod, core.ContainerStatus) {
	for _, p := range b.pods {
		for _, c := range p.Status.ContainerStatuses {
			if t := c.LastTerminationState.Terminated; t != nil && t.Reason == "OOMKilled" && now.Sub(t.FinishedAt.Time) < 24*time.Hour {
				return p, c
			}
		}
	}
	return nil, core.ContainerStatus{}
}

func memoryLimit(p *core.Pod, container string) string {
	for _, c := range p.Spec.Containers {
		if q, ok := c.Resources.Limits[core.ResourceMemory]; ok && c.Name == container {
			return q.String()
		}
	}
	return "not set"
}

// atLimit is the autoscaler of the backend's Deployment, if it would scale
// further but may not.
func (b *backend) atLimit(s *mesh.Snapshot) *autoscaling.HorizontalPodAutoscaler {
	for _, h := range s.Autoscalers {
		if h.Namespace != b.namespace || h.Spec.ScaleTargetRef.Kind != "Deployment" || h.Spec.ScaleTargetRef.Name != b.deployment.Name || h.Status.CurrentReplicas < h.Spec.MaxReplicas {
			continue
		}
		for _, c := range h.Status.Conditions {
			if c.Type == autoscaling.ScalingLimited && c.Status == core.ConditionTrue && c.Reason == "TooManyReplicas" {
				return h
			}
		}
	}
	return nil
}
