package checks

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// podOutage is why a pod of istiod is not ready. Where the Deployment's
// present revision never became available and there is an earlier one, going
// back to that is the fix, whatever it is that the new one lacks.
func (b *backend) podOutage(s *mesh.Snapshot, p *core.Pod) outage {
	o := b.podReason(s, p)
	d := b.deployment
	if age := s.Time.Sub(p.CreationTimestamp.Time); o.vague && d != nil && age >= 0 && age < time.Minute {
		o.why += fmt.Sprintf(" (started %d seconds ago)", int(age.Seconds()))
		o.fix = []diagnose.Step{{
			Kind: diagnose.StepOther, Run: kubectl(b.namespace, "rollout", "status", "deployment/"+d.Name, "--timeout=2m"),
			Say: "waits for it; nothing is known to be wrong with it yet",
		}}
		return o
	}
	if d == nil || rolledOut(d) || revisionNumber(d) < 2 {
		return o
	}
	o.evidence = append(o.evidence, fmt.Sprintf("Deployment %s/%s: its present revision %d never became available", b.namespace, d.Name, revisionNumber(d)))
	o.fix = []diagnose.Step{{
		Kind: diagnose.StepOther, Run: kubectl(b.namespace, "rollout", "undo", "deployment/"+d.Name),
		Say: "goes back to the revision before; then correct what was changed in the place it is installed from",
	}}
	return o
}

func (b *backend) podReason(s *mesh.Snapshot, p *core.Pod) outage {
	name := "Pod " + p.Namespace + "/" + p.Name
	for _, c := range p.Status.Conditions {
		if c.Type == core.PodScheduled && c.Status == core.ConditionFalse {
			return outage{
				why: fmt.Sprintf("pod %s cannot be scheduled: %s", p.Name, schedulerWords(c.Message)), evidence: []string{name + ": condition PodScheduled is False: " + c.Message},
				fix: schedulingFix(s, p, c.Message),
			}
		}
	}
	for c := range statuses(p) {
		if o, ok := b.containerReason(p, *c); ok {
			return o
		}
	}
	for _, n := range s.Nodes {
		if why := notReady(n); n.Name == p.Spec.NodeName && why != "" {
			return outage{
				why: fmt.Sprintf("pod %s is on node %s, which is not ready: %s", p.Name, n.Name, why), evidence: []string{"Node " + n.Name + ": condition Ready: " + why},
				fix: append(b.restart("starts istiod on another node, if there is one"), diagnose.Step{Kind: diagnose.StepManual, Say: "bring node " + n.Name + " back, whoever runs the nodes"}),
			}
		}
	}
	if said := podWarning(s, p); said != "" {
		return outage{why: fmt.Sprintf("pod %s is not ready: %s", p.Name, said), evidence: []string{name + ": " + said}, fix: append(b.logs(p, false), b.restart("")...)}
	}
	return outage{
		vague: true,
		why:   fmt.Sprintf("pod %s is %s, not ready", p.Name, phase(p)), evidence: []string{name + ": condition Ready is not True"},
		fix: append(b.logs(p, false), b.restart("if the log shows no reason")...),
	}
}

// containerReason is the outage that one container's state shows, if any.
func (b *backend) containerReason(p *core.Pod, c core.ContainerStatus) (outage, bool) {
	name := fmt.Sprintf("Pod %s/%s, container %s", p.Namespace, p.Name, c.Name)
	w, last := c.State.Waiting, c.LastTerminationState.Terminated
	if c.State.Terminated != nil {
		last = c.State.Terminated
	}
	switch {
	case w != nil && strings.Contains(w.Reason, "Image"):
		img := containerImage(p, c.Name)
		return outage{
			why:      fmt.Sprintf("pod %s cannot get its image %s (%s)", p.Name, img, w.Reason),
			evidence: []string{name + ": waiting: " + words(w.Reason, w.Message)},
			fix: []diagnose.Step{{
				Kind: diagnose.StepManual,
				Say:  fmt.Sprintf("set the image of container %s of Deployment %s to one that the nodes can pull (a version that exists, a registry they reach, an imagePullSecret), in the way istiod was installed", c.Name, b.owner(p)),
			}},
		}, true
	case last != nil && last.Reason == "OOMKilled" && !c.Ready:
		return outage{
			why:      fmt.Sprintf("container %s of pod %s was killed for want of memory (OOMKilled, %s)", c.Name, p.Name, count(int(c.RestartCount), "restart")),
			evidence: []string{name + ": last state: OOMKilled"},
			fix:      b.memoryFix(p, c.Name),
		}, true
	case last != nil && !c.Ready && (w != nil || c.State.Terminated != nil):
		return outage{
			why:      fmt.Sprintf("container %s of pod %s crashes (exit code %d, %s)%s", c.Name, p.Name, last.ExitCode, count(int(c.RestartCount), "restart"), after(": ", lastLine(last.Message))),
			evidence: []string{name + ": last state: " + words(fmt.Sprintf("%s, exit code %d", last.Reason, last.ExitCode), lastLine(last.Message))},
			fix: append(b.logs(p, true), diagnose.Step{
				Kind: diagnose.StepManual, Say: "correct what the log names (an argument, an environment variable, a certificate, a missing right), in the way istiod was installed",
			}),
		}, true
	case w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing":
		return outage{
			why: fmt.Sprintf("container %s of pod %s does not start: %s", c.Name, p.Name, words(w.Reason, w.Message)), evidence: []string{name + ": waiting: " + words(w.Reason, w.Message)},
			fix: []diagnose.Step{{Kind: diagnose.StepManual, Say: "give the pod what the message names (a ConfigMap, a Secret, a key), in the way istiod was installed"}},
		}, true
	}
	return outage{}, false
}

// schedulerWords is the scheduler's message without what it says of
// preemption and resource claims.
func schedulerWords(said string) string {
	said, _, _ = strings.Cut(said, " preemption:")
	said, _, _ = strings.Cut(said, " no new claims to deallocate")
	return strings.TrimRight(said, "., ")
}

// statuses goes through the state of a pod's containers, init containers first.
func statuses(p *core.Pod) iter.Seq[*core.ContainerStatus] {
	return both(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}

func containerImage(p *core.Pod, name string) string {
	for c := range allContainers(&p.Spec) {
		if c.Name == name {
			return c.Image
		}
	}
	return ""
}

// notReady is why a node is not ready; empty when it is.
func notReady(n *core.Node) string {
	for _, c := range n.Status.Conditions {
		if c.Type == core.NodeReady && c.Status != core.ConditionTrue {
			return words(c.Reason, c.Message)
		}
	}
	return ""
}

// podWarning is the latest warning about a pod that says why it is not ready.
func podWarning(s *mesh.Snapshot, p *core.Pod) string {
	var last *core.Event
	for _, e := range s.Events {
		o := e.InvolvedObject
		if o.Kind != "Pod" || o.Namespace != p.Namespace || o.Name != p.Name || !slices.Contains([]string{"Unhealthy", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NodeNotReady"}, e.Reason) {
			continue
		}
		if last == nil || eventTime(e).After(eventTime(last)) {
			last = e
		}
	}
	if last == nil {
		return ""
	}
	return last.Message
}

func phase(p *core.Pod) string {
	if p.Status.Phase == "" {
		return "unknown"
	}
	return strings.ToLower(string(p.Status.Phase))
}

// words joins a reason and a message, either of which may be missing.
func words(reason, message string) string {
	message = strings.TrimSuffix(message, ".")
	if reason == "" || message == "" {
		return reason + message
	}
	return reason + ": " + message
}

// after puts a separator before a text, if there is one.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// lastLine is the last line of a text that has something in it.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func selectorWords(m map[string]string) string {
	var parts []string
	for _, k := range sortedKeys(m) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, ",")
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
