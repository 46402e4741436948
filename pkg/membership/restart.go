package membership

import (
	"fmt"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// restartedAt is the annotation of kubectl rollout restart (k8s.io/kubectl
// v0.35.0, pkg/polymorphichelpers/objectrestarter.go; that package is not used,
// as it works on whole objects and brings half of kubectl along).
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// restart says whether a restart replaces a workload's pods, and what does
// where it is not enough.
func restart(s *mesh.Snapshot, m *member, pods []*core.Pod, kubectl string) (ok bool, step diagnose.Step) {
	connect := strings.TrimPrefix(kubectl, "kubectl")
	kubectl = "kubectl" + connect + " -n " + m.Ref.Namespace
	manual := func(format string, args ...any) (bool, diagnose.Step) {
		return false, diagnose.Step{Kind: diagnose.StepManual, Say: fmt.Sprintf(format, args...)}
	}
	run := func(say, format string, args ...any) (bool, diagnose.Step) {
		return false, diagnose.Step{Kind: diagnose.StepRestart, Say: say, Run: kubectl + " " + fmt.Sprintf(format, args...)}
	}
	switch m.Ref.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	case "Pod":
		return run("deletes the pod and creates it again: nothing else brings it back",
			"get pod %s -o yaml | %s replace --force -f -", m.Ref.Name, kubectl)
	case "Job", "CronJob":
		return manual("let its pods end, or delete the Job and create it again: a Job cannot be restarted, and the next one is made anew")
	case "Rollout":
		// A plugin takes flags after its name alone.
		step.Run = fmt.Sprintf("kubectl argo rollouts restart %s -n %s%s", m.Ref.Name, m.Ref.Namespace, connect)
		step.Kind, step.Say = diagnose.StepRestart, "asks Argo Rollouts to replace its pods"
		return false, step
	default:
		return run("its controller makes new pods for those that are deleted", "delete pod %s", podNames(pods))
	}
	switch why, n := held(s, m.Ref); why {
	case "OnDelete":
		return run("its update strategy is OnDelete: new pods come for those that are deleted", "delete pod %s", podNames(pods))
	case "paused":
		return run("its rollout is paused, which lets no new pods be made; restart it then", "rollout resume %s", m.Ref.Arg())
	case "partition":
		return manual("its update partition keeps the pods below %d as they are: lower spec.updateStrategy.rollingUpdate.partition, then restart it", n)
	}
	return true, step
}

// held says what keeps a controller from replacing its pods.
func held(s *mesh.Snapshot, ref mesh.Ref) (why string, n int32) {
	is := func(namespace, name string) bool { return namespace == ref.Namespace && name == ref.Name }
	switch ref.Kind {
	case "Deployment":
		for _, o := range s.Deployments {
			if is(o.Namespace, o.Name) && o.Spec.Paused {
				return "paused", 0
			}
		}
	case "DaemonSet":
		for _, o := range s.DaemonSets {
			if is(o.Namespace, o.Name) && o.Spec.UpdateStrategy.Type == apps.OnDeleteDaemonSetStrategyType {
				return "OnDelete", 0
			}
		}
	case "StatefulSet":
		for _, o := range s.StatefulSets {
			if !is(o.Namespace, o.Name) {
				continue
			}
			if o.Spec.UpdateStrategy.Type == apps.OnDeleteStatefulSetStrategyType {
				return "OnDelete", 0
			}
			if r := o.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil && *r.Partition > 0 {
				return "partition", *r.Partition
			}
		}
	}
	return "", 0
}

func podNames(pods []*core.Pod) string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

// Changes are the writes of a plan: the namespace's labels first, then, where
// restarts is true, the workloads of Restart, as of now.
func (p *Plan) Changes(restarts bool, now time.Time) []mesh.Change {
	var changes []mesh.Change
	if len(p.Labels) > 0 {
		set := map[string]any{}
		for _, l := range p.Labels {
			if l.Remove {
				set[l.Key] = nil
				continue
			}
			set[l.Key] = l.New
		}
		changes = append(changes, mesh.Change{
			Ref: mesh.RefTo(mesh.Namespaces, "", p.Namespace.Name), Write: mesh.Patch,
			Fields: map[string]any{"metadata": map[string]any{"labels": set}},
			Why:    "injection is asked for by labels of the namespace",
		})
	}
	if !restarts {
		return changes
	}
	for _, o := range p.Restart {
		template := map[string]any{"metadata": map[string]any{"annotations": map[string]any{restartedAt: now.Format(time.RFC3339)}}}
		changes = append(changes, mesh.Change{
			Ref: o.Ref, Write: mesh.Patch, Fields: map[string]any{"spec": map[string]any{"template": template}},
			Why: "a sidecar comes and goes only with a new pod",
		})
	}
	return changes
}
