package checks

import (
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// replaced are the steps that replace the running pods of workloads by new
// ones, each in the way its kind needs: a restart, a deletion where a restart
// would do nothing (update strategy OnDelete) or cannot be asked for, a
// resume first where a rollout is paused. Workloads without pods need none.
func replaced(p *diagnose.Pass, workloads []*mesh.Workload) []diagnose.Step {
	var refs []mesh.Ref
	var first, last []diagnose.Step
	for _, w := range workloads {
		if len(w.Pods) == 0 && p.Snapshot.Complete(mesh.Pods, w.Ref.Namespace) {
			continue
		}
		switch {
		case w.Ref.Kind == "Pod":
			last = append(last, diagnose.Step{
				Kind: diagnose.StepRestart,
				Run:  kubectl(w.Ref.Namespace, "get", "pod", w.Ref.Name, "-o", "yaml") + " | " + kubectl(w.Ref.Namespace, "replace", "--force", "-f", "-"),
				Say:  "deletes the pod and creates it again: nothing else brings it back",
			})
		case w.Ref.Kind == "Job" || w.Ref.Kind == "CronJob":
			last = append(last, diagnose.Step{
				Kind: diagnose.StepManual,
				Say:  "let the running pods of " + w.Ref.String() + " end, or delete the Job and create it again: a Job cannot be restarted, its next pod gets the sidecar",
			})
		case !restartable(w) || deletedByHand(p.Snapshot, w):
			if len(podNames(w)) == 0 {
				continue
			}
			last = append(last, diagnose.Step{
				Kind: diagnose.StepRestart,
				Run:  kubectl(w.Ref.Namespace, append([]string{"delete", "pod"}, podNames(w)...)...),
				Say:  w.Ref.String() + " makes new pods for those that are deleted",
			})
		case paused(p.Snapshot, w):
			first = append(first, diagnose.Step{
				Kind: diagnose.StepRestart,
				Run:  kubectl(w.Ref.Namespace, "rollout", "resume", w.Ref.Arg()),
				Say:  "its rollout is paused, which lets no new pods be made",
			})
			refs = append(refs, w.Ref)
		default:
			refs = append(refs, w.Ref)
		}
	}
	return append(append(first, restarts(refs)...), last...)
}

// restartable reports whether kubectl rollout restart knows the workload's kind.
func restartable(w *mesh.Workload) bool {
	return w.Ref.Kind == "Deployment" || w.Ref.Kind == "StatefulSet" || w.Ref.Kind == "DaemonSet"
}

func podNames(w *mesh.Workload) []string {
	var names []string
	for _, p := range bareNow(w) {
		names = append(names, p.Name)
	}
	return names
}

// bareNow are a workload's pods without a proxy that are to stay: not being
// deleted, no static pods' mirrors, not taken care of by ztunnel.
func bareNow(w *mesh.Workload) []*core.Pod {
	var bare []*core.Pod
	for _, p := range w.Bare() {
		if p.DeletionTimestamp == nil && !mirrored(p.Annotations) && !mesh.Ambient(p) {
			bare = append(bare, p)
		}
	}
	return bare
}

func mirrored(annotations map[string]string) bool {
	_, ok := annotations[core.MirrorPodAnnotationKey]
	return ok
}

// rollsOut reports whether new pods come by themselves when the workload's
// template changes.
func rollsOut(s *mesh.Snapshot, w *mesh.Workload) bool {
	switch w.Ref.Kind {
	case "Deployment":
		return !paused(s, w)
	case "StatefulSet", "DaemonSet":
		return !deletedByHand(s, w)
	case "CronJob":
		return true
	}
	return false
}

func paused(s *mesh.Snapshot, w *mesh.Workload) bool {
	if w.Ref.Kind != "Deployment" {
		return false
	}
	for _, d := range s.Deployments {
		if d.Namespace == w.Ref.Namespace && d.Name == w.Ref.Name {
			return d.Spec.Paused
		}
	}
	return false
}

func deletedByHand(s *mesh.Snapshot, w *mesh.Workload) bool {
	switch w.Ref.Kind {
	case "StatefulSet":
		for _, o := range s.StatefulSets {
			if o.Namespace == w.Ref.Namespace && o.Name == w.Ref.Name {
				return o.Spec.UpdateStrategy.Type == apps.OnDeleteStatefulSetStrategyType
			}
		}
	case "DaemonSet":
		for _, o := range s.DaemonSets {
			if o.Namespace == w.Ref.Namespace && o.Name == w.Ref.Name {
				return o.Spec.UpdateStrategy.Type == apps.OnDeleteDaemonSetStrategyType
			}
		}
	}
	return false
}
