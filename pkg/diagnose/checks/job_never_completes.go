package checks

import (
	"fmt"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func jobNeverCompletes() diagnose.Check {
	return diagnose.Check{
		Name: "job-never-completes",
		Area: diagnose.DataPlane,
		Doc: `A Job's pod does not end, since its sidecar goes on running

A Job is done when all containers of its pod have ended. A classic sidecar, which stands among the containers, does not end with the application, so that the Job stays active (pod "Running", 1/2 ready) and the next run of a CronJob may never start. A native sidecar, an init container with restartPolicy Always, is ended by the kubelet when the application is done.

It is found in pods of Jobs of which all containers but a classic istio-proxy have ended (an error), and in templates of Jobs and CronJobs that istiod would give a classic sidecar, made with istiod's own code (a warning). Those that have completed before are left out: their application ends the sidecar itself.

To fix it, let istiod inject native sidecars: the annotation sidecar.istio.io/nativeSidecar: "true" on the pod template where the cluster is Kubernetes 1.29 or later, or ENABLE_NATIVE_SIDECARS=true in istiod's environment (the default "auto" needs every kubelet at 1.33). Or let the application call the agent when it is done (POST to localhost:15020/quitquitquit), or keep the Job out of the mesh. A pod that hangs can be told so from outside, with the command printed. Whoever deploys the Job can do all but the environment.`,
		Severity: diagnose.Error,
		Needs:    append(nextPodNeeds(), mesh.Pods),
		Wants:    nextPodWants(),
		Run:      runJobNeverCompletes,
	}
}

func runJobNeverCompletes(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		if w.Ref.Kind != "Job" && w.Ref.Kind != "CronJob" {
			continue
		}
		var hanging []*core.Pod
		for _, pod := range w.Pods {
			if hangs(pod) {
				hanging = append(hanging, pod)
			}
		}
		switch {
		case len(hanging) > 0:
			found = append(found, hangingJob(p, w, hanging))
		case !completedBefore(p.Snapshot, w) && willHang(p, w):
			found = append(found, diagnose.Finding{
				Severity: diagnose.Warning,
				Message:  fmt.Sprintf("%s will not complete: its pods get a sidecar that goes on running when the application has ended", w.Ref),
				Object:   w.Ref,
				Field:    inTemplate(w, "metadata.annotations["+nativeSidecarAnnotation+"]"),
				Evidence: []string{"istiod would put " + mesh.ProxyContainer + " among the containers (a classic sidecar)"},
				Affects:  []mesh.Ref{w.Ref},
				Fix:      nativeInstead(p, w),
			})
		}
	}
	return found
}

func hangingJob(p *diagnose.Pass, w *mesh.Workload, pods []*core.Pod) diagnose.Finding {
	f := diagnose.Finding{
		Message: fmt.Sprintf("%s does not complete: the application of %s has ended and the sidecar goes on running", w.Ref, podsOfWorkload(pods)),
		Object:  w.Ref,
		Affects: []mesh.Ref{w.Ref},
	}
	for i, pod := range pods {
		f.Evidence = append(f.Evidence, fmt.Sprintf("pod %s/%s: %s is running, all other containers have ended", pod.Namespace, pod.Name, mesh.ProxyContainer))
		if i < 3 {
			f.Fix = append(f.Fix, diagnose.Step{
				Kind: diagnose.StepOther,
				Run:  kubectl(pod.Namespace, "exec", pod.Name, "-c", mesh.ProxyContainer, "--", "pilot-agent", "request", "--debug-port=15020", "POST", "quitquitquit"),
				Say:  "ends the sidecar of this pod",
			})
		}
	}
	if willHang(p, w) {
		f.Fix = append(f.Fix, nativeInstead(p, w)...)
	}
	return f
}

// nativeInstead are the steps by which a Job's next pods get a native sidecar,
// or none where the API server or a kubelet is too old for that.
func nativeInstead(p *diagnose.Pass, w *mesh.Workload) []diagnose.Step {
	versions := []string{p.Snapshot.Facts.ServerVersion}
	for _, n := range p.Snapshot.Nodes {
		versions = append(versions, n.Status.NodeInfo.KubeletVersion)
	}
	for _, text := range versions {
		if v, ok := parseVersion(text); ok && v.compare(version{major: 1, minor: 29}) < 0 {
			return edit{pod: map[string]string{mesh.InjectLabel: "false"}}.templateSteps(p, w)
		}
	}
	return edit{podNotes: map[string]string{nativeSidecarAnnotation: "true"}}.templateSteps(p, w)
}

// hangs reports whether nothing of a pod runs any more but a classic sidecar.
func hangs(pod *core.Pod) bool {
	running, ended := false, 0
	for _, s := range pod.Status.ContainerStatuses {
		switch {
		case s.Name == mesh.ProxyContainer:
			running = s.State.Running != nil
		case s.State.Terminated == nil:
			return false
		default:
			ended++
		}
	}
	return running && ended > 0 && pod.DeletionTimestamp == nil
}

// willHang reports whether a workload's next pod would get a classic sidecar
// beside its application. Where the nodes are not known, nothing is said.
func willHang(p *diagnose.Pass, w *mesh.Workload) bool {
	if !p.Snapshot.Complete(mesh.Nodes, "") {
		return false
	}
	in, ok := p.Inject(w)
	if !ok || in.Pod == nil || len(appContainers(&in.Pod.Spec)) == 0 {
		return false
	}
	for _, c := range in.Pod.Spec.Containers {
		if c.Name == mesh.ProxyContainer {
			return true
		}
	}
	return false
}

// completedBefore reports whether a Job has completed or will run no more pods,
// or whether a CronJob's has completed.
func completedBefore(s *mesh.Snapshot, w *mesh.Workload) bool {
	for _, j := range s.Jobs {
		if mesh.RefTo(mesh.Jobs, j.Namespace, j.Name) == w.Ref && (j.Status.Succeeded > 0 || jobWants(j) <= 0) {
			return true
		}
	}
	for _, c := range s.CronJobs {
		if mesh.RefTo(mesh.CronJobs, c.Namespace, c.Name) == w.Ref && c.Status.LastSuccessfulTime != nil {
			return true
		}
	}
	return false
}
