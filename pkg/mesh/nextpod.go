package mesh

import (
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Parts of names that controllers draw or count; any will do, since istiod
// takes them off again (istio.io/istio 1.29.1, pkg/kube/util.go:
// GetDeployMetaFromPod).
const (
	someHash = "5d8f9c7b6d"
	someTime = "29551680"
)

// NextPod is the workload's next pod as its controller would create it: the
// template with the owner and the labels by which istiod tells what the pod
// belongs to. Defaults and what admission adds are not in it. It shares
// nothing with the workload.
func (w *Workload) NextPod() *core.Pod {
	pod := &core.Pod{ObjectMeta: *w.Template.ObjectMeta.DeepCopy(), Spec: *w.Template.Spec.DeepCopy()}
	pod.Namespace = w.Ref.Namespace
	if w.Ref.Kind == "Pod" {
		return pod
	}
	if metav1.GetControllerOfNoCopy(pod) != nil { // the template is a pod that exists
		pod.Name = ""
		return pod
	}
	owner := metav1.OwnerReference{APIVersion: w.Ref.APIVersion, Kind: w.Ref.Kind, Name: w.Ref.Name}
	label := func(key, value string) {
		if pod.Labels == nil {
			pod.Labels = map[string]string{}
		}
		pod.Labels[key] = value
	}
	switch w.Ref.Kind {
	case "Deployment":
		owner.Kind, owner.Name = "ReplicaSet", w.Ref.Name+"-"+someHash
		label(apps.DefaultDeploymentUniqueLabelKey, someHash)
	case "Rollout": // Argo's
		owner.APIVersion, owner.Kind, owner.Name = apps.SchemeGroupVersion.String(), "ReplicaSet", w.Ref.Name+"-"+someHash
		label("rollouts-pod-template-hash", someHash)
	case "DeploymentConfig": // OpenShift's
		owner.APIVersion, owner.Kind, owner.Name = "v1", "ReplicationController", w.Ref.Name+"-1"
		label("deploymentconfig", w.Ref.Name)
	case "CronJob":
		owner.APIVersion, owner.Kind, owner.Name = "batch/v1", "Job", w.Ref.Name+"-"+someTime
	}
	yes := true
	owner.Controller = &yes
	pod.OwnerReferences = []metav1.OwnerReference{owner}
	pod.GenerateName = owner.Name + "-"
	return pod
}
