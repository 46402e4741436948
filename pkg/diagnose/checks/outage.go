package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// outage is why no istiod stands behind a Service, and what helps.
type outage struct {
	vague    bool   // nothing tells more than that it is not ready
	why      string // the rest of a sentence: "Deployment istiod is scaled to 0"
	field    string
	evidence []string
	fix      []diagnose.Step
}

// outage finds why a backend has no ready endpoint, from what is nearest to
// the Service to what is furthest from it.
func (b *backend) outage(s *mesh.Snapshot) outage {
	d := b.deployment
	switch {
	case len(b.service.Spec.Selector) == 0:
		return outage{
			why: "it has no selector, and no EndpointSlice has been filled in for it", field: "spec.selector",
			fix: []diagnose.Step{{
				Kind: diagnose.StepManual,
				Say:  fmt.Sprintf("write an EndpointSlice for %s with the address of the control plane (the istiod-remote chart does so from istiodRemote.injectionURL or global.remotePilotAddress), whoever installed this remote cluster", b),
			}},
		}
	case d == nil && len(b.pods) == 0:
		return b.noDeployment(s)
	case d != nil && !b.selects:
		return b.selectsNothing()
	case d != nil && replicas(d.Spec.Replicas) == 0:
		return b.scaledToZero(s)
	case len(b.pods) == 0:
		return b.noPods(s)
	}
	for _, p := range b.pods {
		if !ready(p) {
			return b.podOutage(s, p)
		}
	}
	return outage{
		why:      fmt.Sprintf("its pod %s is ready, but no EndpointSlice lists it", b.pods[0].Name),
		evidence: []string{fmt.Sprintf("Pod %s/%s: condition Ready is True", b.namespace, b.pods[0].Name)},
		fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say:  "see that kube-controller-manager runs and that its endpointslice controller is not switched off (--controllers), whoever runs the control plane of the cluster",
		}},
	}
}

func (b *backend) noDeployment(s *mesh.Snapshot) outage {
	if !s.Complete(mesh.Deployments, b.namespace) {
		return outage{
			why:      "no running pod has the labels of its selector",
			field:    "spec.selector",
			evidence: []string{"selector of " + b.String() + ": " + selectorWords(b.service.Spec.Selector)},
			fix: []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(b.namespace, "get", "deployments,pods", "--show-labels"),
				Say: "see whether istiod runs; the right to list deployments is missing here"}},
		}
	}
	return outage{
		why:      fmt.Sprintf("no Deployment in namespace %s runs istiod", b.namespace),
		field:    "spec.selector",
		evidence: []string{"selector of " + b.String() + ": " + selectorWords(b.service.Spec.Selector), "Deployments that it matches: none"},
		fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say: fmt.Sprintf("install istiod (revision %s) into namespace %s again in the way it was installed: istioctl install, helm upgrade --install istiod istio/istiod, or a sync of your GitOps tool; "+
				"if it was taken away for good, delete what still calls it: MutatingWebhookConfiguration %s", b.revision, b.namespace, strings.Join(b.configs, ", ")),
		}},
	}
}

// selectsNothing is the outage of a Service that passes its Deployment by.
func (b *backend) selectsNothing() outage {
	d, have := b.deployment, b.deployment.Spec.Template.Labels
	var wrong []string
	for _, k := range sortedKeys(b.service.Spec.Selector) {
		want := b.service.Spec.Selector[k]
		if got, ok := have[k]; !ok {
			wrong = append(wrong, fmt.Sprintf("it wants %s=%s, the pods have no label %s", k, want, k))
		} else if got != want {
			wrong = append(wrong, fmt.Sprintf("it wants %s=%s, the pods have %s=%s", k, want, k, got))
		}
	}
	patch := []patchOp{{"replace", "/spec/selector", b.rightSelector()}}
	return outage{
		why:      fmt.Sprintf("its selector matches no pod of Deployment %s: %s", d.Name, strings.Join(wrong, "; ")),
		field:    "spec.selector",
		evidence: []string{"selector of " + b.String() + ": " + selectorWords(b.service.Spec.Selector), "labels of the pods of Deployment " + b.namespace + "/" + d.Name + ": " + selectorWords(have)},
		fix: []diagnose.Step{{
			Kind: diagnose.StepOther,
			Run:  kubectl(b.namespace, "patch", "service", b.name, "--type=json", "-p", asJSON(patch)),
		}},
	}
}

// rightSelector is what the chart writes (istio.io/istio 1.29.1,
// manifests/charts/istio-control/istio-discovery/templates/service.yaml), or
// else what the Deployment itself tells its pods by.
func (b *backend) rightSelector() map[string]string {
	have := b.deployment.Spec.Template.Labels
	chart := map[string]string{"app": "istiod", "istio": "pilot"}
	if b.revision != "default" {
		chart = map[string]string{"app": "istiod", mesh.RevisionLabel: b.revision}
	}
	for k, v := range chart {
		if have[k] != v {
			return b.deployment.Spec.Selector.MatchLabels
		}
	}
	return chart
}

func (b *backend) scaledToZero(s *mesh.Snapshot) outage {
	d, n := b.deployment, int32(1)
	for _, h := range s.Autoscalers {
		if h.Namespace == b.namespace && h.Spec.ScaleTargetRef.Kind == "Deployment" && h.Spec.ScaleTargetRef.Name == d.Name && h.Spec.MinReplicas != nil {
			n = max(n, *h.Spec.MinReplicas)
		}
	}
	return outage{
		why:      fmt.Sprintf("Deployment %s is scaled to 0", d.Name),
		evidence: []string{fmt.Sprintf("Deployment %s/%s: spec.replicas is 0", b.namespace, d.Name)},
		fix: []diagnose.Step{{
			Kind: diagnose.StepScale,
			Run:  kubectl(b.namespace, "scale", "deployment", d.Name, fmt.Sprintf("--replicas=%d", n)),
		}},
	}
}

// noPods is the outage of a Deployment that has no pods though it wants some.
func (b *backend) noPods(s *mesh.Snapshot) outage {
	d := b.deployment
	if d == nil {
		return b.noDeployment(s)
	}
	if said := b.refusedPod(s); said != "" {
		return outage{
			why:      fmt.Sprintf("the pods of Deployment %s are refused: %s", d.Name, said),
			evidence: []string{fmt.Sprintf("Deployment %s/%s: condition ReplicaFailure: %s", b.namespace, d.Name, said)},
			fix:      b.refusedFix(said),
		}
	}
	if d.Spec.Paused && d.Status.UpdatedReplicas == 0 {
		return outage{
			why:      fmt.Sprintf("Deployment %s is paused and has no pods", d.Name),
			evidence: []string{fmt.Sprintf("Deployment %s/%s: spec.paused is true", b.namespace, d.Name)},
			fix:      []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(b.namespace, "rollout", "resume", "deployment/"+d.Name)}},
		}
	}
	return outage{
		why:      fmt.Sprintf("Deployment %s wants %s and has none", d.Name, count(int(replicas(d.Spec.Replicas)), "pod")),
		evidence: []string{fmt.Sprintf("Deployment %s/%s: spec.replicas is %d, no pod exists", b.namespace, d.Name, replicas(d.Spec.Replicas))},
		fix: []diagnose.Step{{
			Kind: diagnose.StepOther, Run: kubectl(b.namespace, "rollout", "restart", "deployment/"+d.Name),
			Say: "if no pod comes, see that kube-controller-manager runs",
		}},
	}
}

// refusedPod is what the API server said when it refused istiod's own pod.
func (b *backend) refusedPod(s *mesh.Snapshot) string {
	words := eventWords(s)
	for _, m := range makers(s) {
		if m.root == mesh.RefTo(mesh.Deployments, b.namespace, b.deployment.Name) && m.lacks {
			return m.latest(words).message
		}
	}
	return ""
}

// revisionNumber counts the templates that a Deployment has had; 0 when it
// does not tell. From 2 on there is one before, to which rollout undo goes.
func revisionNumber(d *apps.Deployment) int {
	n, err := strconv.Atoi(d.Annotations["deployment.kubernetes.io/revision"])
	if err != nil {
		return 0
	}
	return n
}

// rolledOut reports whether a Deployment's present revision once became
// available (k8s.io/kubernetes v1.35.4,
// pkg/controller/deployment/util/deployment_util.go: NewRSAvailableReason).
func rolledOut(d *apps.Deployment) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == apps.DeploymentProgressing {
			return c.Reason == "NewReplicaSetAvailable"
		}
	}
	return true
}

func ready(p *core.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c core.PodCondition) bool {
		return c.Type == core.PodReady && c.Status == core.ConditionTrue
	})
}
