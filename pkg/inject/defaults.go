package inject

import (
	"strings"

	core "k8s.io/api/core/v1"
)

// withDefaults returns a copy of a pod with what the API server adds to it
// before it asks a webhook, as far as istiod's code and templates look at it:
// the whole of a container (ports and probes go into the sidecar's
// environment, a container that the user gives for the sidecar goes into
// annotation proxy.istio.io/overrides), and what the pod's spec itself says.
// Templates that people wrote may read all of that too.
//
// The rules are those of k8s.io/kubernetes v1.35.4; each function names its
// file. Left out is what no template of Istio's reads (volumes, resources of
// the whole pod, status), what only pods have that are never injected (host
// ports of the host network), and what only the cluster knows: a service
// account's token volume and pull secrets, priorities, tolerations and limit
// ranges.
func withDefaults(pod *core.Pod) *core.Pod {
	p := pod.DeepCopy()
	specDefaults(&p.Spec)
	for i := range p.Spec.InitContainers {
		containerDefaults(&p.Spec.InitContainers[i])
	}
	for i := range p.Spec.Containers {
		containerDefaults(&p.Spec.Containers[i])
	}
	return p
}

// specDefaults is SetDefaults_PodSpec and SetDefaults_Pod of
// pkg/apis/core/v1/defaults.go, the alias serviceAccount of
// pkg/apis/core/v1/conversion.go, and the account that the admission plugin
// ServiceAccount sets (plugin/pkg/admission/serviceaccount/admission.go).
func specDefaults(s *core.PodSpec) {
	setDefault(&s.DNSPolicy, core.DNSClusterFirst)
	setDefault(&s.RestartPolicy, core.RestartPolicyAlways)
	setDefault(&s.SchedulerName, core.DefaultSchedulerName)
	setDefaultPointer(&s.SecurityContext, core.PodSecurityContext{})
	setDefaultPointer(&s.TerminationGracePeriodSeconds, int64(core.DefaultTerminationGracePeriodSeconds))
	setDefaultPointer(&s.EnableServiceLinks, core.DefaultEnableServiceLinks)
	setDefault(&s.ServiceAccountName, s.DeprecatedServiceAccount)
	setDefault(&s.ServiceAccountName, "default")
	s.DeprecatedServiceAccount = s.ServiceAccountName
}

// containerDefaults is what SetObjectDefaults_Pod of
// pkg/apis/core/v1/zz_generated.defaults.go does with a container.
func containerDefaults(c *core.Container) {
	setDefault(&c.ImagePullPolicy, pullPolicy(c.Image))
	setDefault(&c.TerminationMessagePath, core.TerminationMessagePathDefault)
	setDefault(&c.TerminationMessagePolicy, core.TerminationMessageReadFile)
	for i := range c.Ports {
		setDefault(&c.Ports[i].Protocol, core.ProtocolTCP)
	}
	for _, e := range c.Env {
		envDefaults(e.ValueFrom)
	}
	resourceDefaults(&c.Resources)
	probeDefaults(c.LivenessProbe)
	probeDefaults(c.ReadinessProbe)
	probeDefaults(c.StartupProbe)
	if c.Lifecycle == nil {
		return
	}
	for _, h := range []*core.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
		if h != nil {
			httpDefaults(h.HTTPGet)
		}
	}
}

// pullPolicy is SetDefaults_Container of pkg/apis/core/v1/defaults.go: Always
// for the tag latest, which an image without tag and digest has too
// (pkg/util/parsers/parsers.go). An image "auto", which istiod replaces, is
// such a one.
func pullPolicy(image string) core.PullPolicy {
	name, _, pinned := strings.Cut(image, "@")
	_, tag, tagged := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	switch {
	case image == "":
		return core.PullIfNotPresent
	case tagged && tag == "latest", !tagged && !pinned:
		return core.PullAlways
	}
	return core.PullIfNotPresent
}

// envDefaults is SetDefaults_ObjectFieldSelector of
// pkg/apis/core/v1/defaults.go, and the marker +default of FileKeySelector
// (k8s.io/api v0.35.0, core/v1/types.go).
func envDefaults(v *core.EnvVarSource) {
	if v == nil {
		return
	}
	if v.FieldRef != nil {
		setDefault(&v.FieldRef.APIVersion, "v1")
	}
	if v.FileKeyRef != nil {
		setDefaultPointer(&v.FileKeyRef.Optional, false)
	}
}

// resourceDefaults is SetDefaults_Pod and SetDefaults_ResourceList of
// pkg/apis/core/v1/defaults.go: what is limited is requested too, and nothing
// is finer than a thousandth.
func resourceDefaults(r *core.ResourceRequirements) {
	for name, limit := range r.Limits {
		if r.Requests == nil {
			r.Requests = core.ResourceList{}
		}
		if _, found := r.Requests[name]; !found {
			r.Requests[name] = limit.DeepCopy()
		}
	}
	for _, list := range []core.ResourceList{r.Limits, r.Requests} {
		for name, q := range list {
			q.RoundUp(-3)
			list[name] = q
		}
	}
}

// probeDefaults is SetDefaults_Probe and SetDefaults_HTTPGetAction of
// pkg/apis/core/v1/defaults.go, and the marker +default of GRPCAction
// (k8s.io/api v0.35.0, core/v1/types.go).
func probeDefaults(p *core.Probe) {
	if p == nil {
		return
	}
	setDefault(&p.TimeoutSeconds, 1)
	setDefault(&p.PeriodSeconds, 10)
	setDefault(&p.SuccessThreshold, 1)
	setDefault(&p.FailureThreshold, 3)
	httpDefaults(p.HTTPGet)
	if p.GRPC != nil {
		setDefaultPointer(&p.GRPC.Service, "")
	}
}

// httpDefaults is SetDefaults_HTTPGetAction of pkg/apis/core/v1/defaults.go.
func httpDefaults(a *core.HTTPGetAction) {
	if a == nil {
		return
	}
	setDefault(&a.Path, "/")
	setDefault(&a.Scheme, core.URISchemeHTTP)
}

// setDefault sets what has its zero value.
func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// setDefaultPointer sets what is not set.
func setDefaultPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
