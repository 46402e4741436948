package cluster

import (
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// pod keeps the whole spec of a pod that nothing made, or the kubelet: its
// spec stands for the template. Of a controller's pods it keeps what differs
// from the template.
func (r *reducer) pod(o *core.Pod) runtime.Object {
	p := &core.Pod{ObjectMeta: r.meta(&o.ObjectMeta), Status: r.podStatus(&o.Status)}
	if owner := metav1.GetControllerOfNoCopy(o); owner == nil || owner.Kind == "Node" {
		p.Spec = r.wholeSpec(&o.Spec)
		return p
	}
	s := &o.Spec
	p.Spec = core.PodSpec{
		NodeName: r.share(s.NodeName), HostNetwork: s.HostNetwork, DNSPolicy: s.DNSPolicy, RestartPolicy: s.RestartPolicy,
		ServiceAccountName: r.share(s.ServiceAccountName), SecurityContext: s.SecurityContext,
		Containers: r.podContainers(s.Containers), InitContainers: r.podContainers(s.InitContainers),
	}
	return p
}

func (r *reducer) podContainers(list []core.Container) []core.Container {
	if len(list) == 0 {
		return nil
	}
	kept := make([]core.Container, 0, len(list))
	for i := range list {
		c := &list[i]
		command, args := r.commandLine(c)
		k := core.Container{
			Name: r.share(c.Name), Image: r.share(c.Image), Ports: c.Ports, Resources: c.Resources,
			SecurityContext: c.SecurityContext, RestartPolicy: c.RestartPolicy, Command: command, Args: args,
		}
		for _, e := range c.Env {
			if e.ValueFrom == nil && istioContainer(c.Name) && keepPodEnv(e.Name) {
				k.Env = append(k.Env, core.EnvVar{Name: r.share(e.Name), Value: r.share(r.envValue(c.Name, e.Name, e.Value))})
			}
		}
		kept = append(kept, k)
	}
	return r.shareContainers(kept)
}

// template keeps what a controller's next pod is made of.
func (r *reducer) template(o *core.PodTemplateSpec) core.PodTemplateSpec {
	return core.PodTemplateSpec{ObjectMeta: r.meta(&o.ObjectMeta), Spec: r.wholeSpec(&o.Spec)}
}

// wholeSpec keeps a pod's spec but for what may hold secrets.
func (r *reducer) wholeSpec(o *core.PodSpec) core.PodSpec {
	s := *o
	s.EphemeralContainers = nil
	s.Containers, s.InitContainers = r.wholeContainers(s.Containers), r.wholeContainers(s.InitContainers)
	for i := range s.Volumes {
		v := &s.Volumes[i]
		if v.CSI != nil {
			v.CSI.VolumeAttributes = nil
		}
		if v.FlexVolume != nil {
			v.FlexVolume.Options = nil
		}
	}
	return s
}

func (r *reducer) wholeContainers(list []core.Container) []core.Container {
	for i := range list {
		c := &list[i]
		c.Image = r.share(c.Image)
		c.Command, c.Args = r.commandLine(c)
		for j := range c.Env {
			e := &c.Env[j]
			if e.Value == "" {
				continue
			}
			if keepEnv(c.Name, e.Name) {
				e.Value = r.share(r.envValue(c.Name, e.Name, e.Value))
			} else {
				e.Value = ""
			}
		}
		for _, p := range []*core.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
			if p != nil {
				quiet(p.Exec, p.HTTPGet)
			}
		}
		if c.Lifecycle != nil {
			for _, h := range []*core.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
				if h != nil {
					quiet(h.Exec, h.HTTPGet)
				}
			}
		}
	}
	return list
}

// quiet drops what a probe or hook runs and the headers it sends.
func quiet(exec *core.ExecAction, get *core.HTTPGetAction) {
	if exec != nil {
		exec.Command = nil
	}
	if get != nil {
		for i := range get.HTTPHeaders {
			get.HTTPHeaders[i].Value = ""
		}
	}
}

// commandLine keeps how Istio's programs and kube-apiserver were started.
func (r *reducer) commandLine(c *core.Container) (command, args []string) {
	switch {
	case c.Name == apiServerContainer:
		return r.shareAll(apiServerFlags(c.Command)), r.shareAll(apiServerFlags(c.Args))
	case istioContainer(c.Name):
		return r.shareAll(withoutSecrets(c.Command)), r.shareAll(withoutSecrets(c.Args))
	}
	return nil, nil
}

func (r *reducer) podStatus(o *core.PodStatus) core.PodStatus {
	s := core.PodStatus{
		Phase: o.Phase, Reason: r.share(o.Reason), Message: r.share(o.Message),
		PodIP: o.PodIP, HostIP: r.share(o.HostIP), StartTime: o.StartTime,
		ContainerStatuses: r.statuses(o.ContainerStatuses), InitContainerStatuses: r.statuses(o.InitContainerStatuses),
	}
	for _, c := range o.Conditions {
		k := core.PodCondition{Type: c.Type, Status: c.Status, Reason: r.share(c.Reason), LastTransitionTime: c.LastTransitionTime}
		if c.Type == core.PodScheduled {
			k.Message = r.share(c.Message)
		}
		s.Conditions = append(s.Conditions, k)
	}
	return s
}

func (r *reducer) statuses(list []core.ContainerStatus) []core.ContainerStatus {
	if len(list) == 0 {
		return nil
	}
	kept := make([]core.ContainerStatus, 0, len(list))
	for i := range list {
		c := &list[i]
		kept = append(kept, core.ContainerStatus{
			Name: r.share(c.Name), Ready: c.Ready, Started: c.Started, RestartCount: c.RestartCount,
			State: r.state(c.Name, c.State), LastTerminationState: r.state(c.Name, c.LastTerminationState),
		})
	}
	return kept
}

// state drops what an ended container said: that is the application's log.
func (r *reducer) state(container string, s core.ContainerState) core.ContainerState {
	var kept core.ContainerState
	if s.Waiting != nil {
		kept.Waiting = &core.ContainerStateWaiting{Reason: r.share(s.Waiting.Reason), Message: r.share(s.Waiting.Message)}
	}
	if s.Running != nil {
		kept.Running = &core.ContainerStateRunning{StartedAt: s.Running.StartedAt}
	}
	if t := s.Terminated; t != nil {
		kept.Terminated = &core.ContainerStateTerminated{
			ExitCode: t.ExitCode, Signal: t.Signal, Reason: r.share(t.Reason), StartedAt: t.StartedAt, FinishedAt: t.FinishedAt,
		}
		if istioContainer(container) {
			kept.Terminated.Message = r.share(t.Message)
		}
	}
	return kept
}
