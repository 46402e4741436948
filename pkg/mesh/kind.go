package mesh

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind names something a snapshot can hold: a resource as RBAC spells it
// ("pods", "virtualservices.networking.istio.io"), or, where it begins with a
// slash, a path of the API server that is no resource ("/metrics").
type Kind string

// Everything stands for all kinds, in the header of a recording.
const Everything Kind = "*"

// The built-in kinds, each with a typed field in Snapshot.
const (
	Namespaces         Kind = "namespaces"
	Nodes              Kind = "nodes"
	Pods               Kind = "pods"
	Services           Kind = "services"
	ConfigMaps         Kind = "configmaps"
	Events             Kind = "events"
	ResourceQuotas     Kind = "resourcequotas"
	LimitRanges        Kind = "limitranges"
	EndpointSlices     Kind = "endpointslices.discovery.k8s.io"
	NetworkPolicies    Kind = "networkpolicies.networking.k8s.io"
	Deployments        Kind = "deployments.apps"
	StatefulSets       Kind = "statefulsets.apps"
	DaemonSets         Kind = "daemonsets.apps"
	ReplicaSets        Kind = "replicasets.apps"
	Jobs               Kind = "jobs.batch"
	CronJobs           Kind = "cronjobs.batch"
	Autoscalers        Kind = "horizontalpodautoscalers.autoscaling"
	MutatingWebhooks   Kind = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
	ValidatingWebhooks Kind = "validatingwebhookconfigurations.admissionregistration.k8s.io"
)

// The kinds kept as unstructured objects in Snapshot.Config.
const (
	VirtualServices        Kind = "virtualservices.networking.istio.io"
	DestinationRules       Kind = "destinationrules.networking.istio.io"
	Gateways               Kind = "gateways.networking.istio.io"
	Sidecars               Kind = "sidecars.networking.istio.io"
	ServiceEntries         Kind = "serviceentries.networking.istio.io"
	ProxyConfigs           Kind = "proxyconfigs.networking.istio.io"
	PeerAuthentications    Kind = "peerauthentications.security.istio.io"
	AuthorizationPolicies  Kind = "authorizationpolicies.security.istio.io"
	RequestAuthentications Kind = "requestauthentications.security.istio.io"
	KubernetesGateways     Kind = "gateways.gateway.networking.k8s.io"
	HTTPRoutes             Kind = "httproutes.gateway.networking.k8s.io"
	GRPCRoutes             Kind = "grpcroutes.gateway.networking.k8s.io"
	TCPRoutes              Kind = "tcproutes.gateway.networking.k8s.io"
)

// The facts of Snapshot.Facts, named so that checks can ask for them and gaps
// can say that they are missing.
const (
	ServerVersion    Kind = "/version" // Facts.ServerVersion and Facts.ServerTime
	APIGroups        Kind = "/apis"    // Facts.APIGroups
	APIServerMetrics Kind = "/metrics" // Facts.Admission
)

// Info describes a kind: where the API server serves it and where a snapshot
// keeps it.
type Info struct {
	Kind       Kind
	Resource   schema.GroupVersionResource // empty for facts
	Object     schema.GroupVersionKind     // empty for facts
	Namespaced bool
	Typed      bool // has a field of its own in Snapshot

	list   func(*Snapshot) []runtime.Object
	put    func(*Snapshot, runtime.Object) bool // replaces or joins, in a slice of its own
	append func(*Snapshot, runtime.Object) bool // joins, in place
	copy   func(dst, src *Snapshot)
}

// Append adds an object of this kind to a snapshot that is being read, in
// place and without looking for one of the same name. It reports whether the
// object is of this kind.
func (i Info) Append(s *Snapshot, o runtime.Object) bool {
	return i.append != nil && i.append(s, o)
}

// Fact reports whether the kind is no resource but a path of the API server.
func (i Info) Fact() bool { return i.Resource.Resource == "" }

// Lookup returns what is known of a kind.
func Lookup(k Kind) (Info, bool) {
	for _, i := range kinds {
		if i.Kind == k {
			return i, true
		}
	}
	return Info{}, false
}

// ForObject returns the kind that holds objects of this API group and kind, in
// whatever version.
func ForObject(gk schema.GroupKind) (Info, bool) {
	for _, i := range kinds {
		if i.Object.Group == gk.Group && i.Object.Kind == gk.Kind && !i.Fact() {
			return i, true
		}
	}
	return Info{}, false
}

// Kinds returns every kind a snapshot can hold, in a fixed order.
func Kinds() []Info { return append([]Info(nil), kinds...) }

// kinds is the one table of what a snapshot can hold: a line a kind. It is
// never written to.
var kinds = []Info{
	typed(Namespaces, "v1", "Namespace", false, func(s *Snapshot) *[]*core.Namespace { return &s.Namespaces }),
	typed(Nodes, "v1", "Node", false, func(s *Snapshot) *[]*core.Node { return &s.Nodes }),
	typed(Pods, "v1", "Pod", true, func(s *Snapshot) *[]*core.Pod { return &s.Pods }),
	typed(Services, "v1", "Service", true, func(s *Snapshot) *[]*core.Service { return &s.Services }),
	typed(ConfigMaps, "v1", "ConfigMap", true, func(s *Snapshot) *[]*core.ConfigMap { return &s.ConfigMaps }),
	typed(Events, "v1", "Event", true, func(s *Snapshot) *[]*core.Event { return &s.Events }),
	typed(ResourceQuotas, "v1", "ResourceQuota", true, func(s *Snapshot) *[]*core.ResourceQuota { return &s.ResourceQuotas }),
	typed(LimitRanges, "v1", "LimitRange", true, func(s *Snapshot) *[]*core.LimitRange { return &s.LimitRanges }),
	typed(EndpointSlices, "v1", "EndpointSlice", true, func(s *Snapshot) *[]*discovery.EndpointSlice { return &s.EndpointSlices }),
	typed(NetworkPolicies, "v1", "NetworkPolicy", true, func(s *Snapshot) *[]*networking.NetworkPolicy { return &s.NetworkPolicies }),
	typed(Deployments, "v1", "Deployment", true, func(s *Snapshot) *[]*apps.Deployment { return &s.Deployments }),
	typed(StatefulSets, "v1", "StatefulSet", true, func(s *Snapshot) *[]*apps.StatefulSet { return &s.StatefulSets }),
	typed(DaemonSets, "v1", "DaemonSet", true, func(s *Snapshot) *[]*apps.DaemonSet { return &s.DaemonSets }),
	typed(ReplicaSets, "v1", "ReplicaSet", true, func(s *Snapshot) *[]*apps.ReplicaSet { return &s.ReplicaSets }),
	typed(Jobs, "v1", "Job", true, func(s *Snapshot) *[]*batch.Job { return &s.Jobs }),
	typed(CronJobs, "v1", "CronJob", true, func(s *Snapshot) *[]*batch.CronJob { return &s.CronJobs }),
	typed(Autoscalers, "v2", "HorizontalPodAutoscaler", true, func(s *Snapshot) *[]*autoscaling.HorizontalPodAutoscaler { return &s.Autoscalers }),
	typed(MutatingWebhooks, "v1", "MutatingWebhookConfiguration", false, func(s *Snapshot) *[]*admissionv1.MutatingWebhookConfiguration { return &s.MutatingWebhooks }),
	typed(ValidatingWebhooks, "v1", "ValidatingWebhookConfiguration", false, func(s *Snapshot) *[]*admissionv1.ValidatingWebhookConfiguration { return &s.ValidatingWebhooks }),
	config(VirtualServices, "v1", "VirtualService"),
	config(DestinationRules, "v1", "DestinationRule"),
	config(Gateways, "v1", "Gateway"),
	config(Sidecars, "v1", "Sidecar"),
	config(ServiceEntries, "v1", "ServiceEntry"),
	config(ProxyConfigs, "v1beta1", "ProxyConfig"),
	config(PeerAuthentications, "v1", "PeerAuthentication"),
	config(AuthorizationPolicies, "v1", "AuthorizationPolicy"),
	config(RequestAuthentications, "v1", "RequestAuthentication"),
	config(KubernetesGateways, "v1", "Gateway"),
	config(HTTPRoutes, "v1", "HTTPRoute"),
	config(GRPCRoutes, "v1", "GRPCRoute"),
	config(TCPRoutes, "v1alpha2", "TCPRoute"),
	{Kind: ServerVersion, copy: func(dst, src *Snapshot) {
		dst.Facts.ServerVersion, dst.Facts.ServerTime = src.Facts.ServerVersion, src.Facts.ServerTime
	}},
	{Kind: APIGroups, copy: func(dst, src *Snapshot) { dst.Facts.APIGroups = src.Facts.APIGroups }},
	{Kind: APIServerMetrics, copy: func(dst, src *Snapshot) { dst.Facts.Admission = src.Facts.Admission }},
}

// object is a pointer to a typed API object.
type object[T any] interface {
	*T
	runtime.Object
	metav1.Object
}

// names splits a kind into the resource and group it is served under.
func names(k Kind, version, kind string) (schema.GroupVersionResource, schema.GroupVersionKind) {
	resource, group, _ := strings.Cut(string(k), ".")
	return schema.GroupVersionResource{Group: group, Version: version, Resource: resource},
		schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
}

func typed[T any, P object[T]](k Kind, version, kind string, namespaced bool, field func(*Snapshot) *[]P) Info {
	gvr, gvk := names(k, version, kind)
	return Info{
		Kind: k, Resource: gvr, Object: gvk, Namespaced: namespaced, Typed: true,
		list: func(s *Snapshot) []runtime.Object {
			objs := make([]runtime.Object, 0, len(*field(s)))
			for _, o := range *field(s) {
				objs = append(objs, o)
			}
			return objs
		},
		put: func(s *Snapshot, o runtime.Object) bool {
			p, ok := o.(P)
			if ok {
				*field(s) = replaced(*field(s), p)
			}
			return ok
		},
		append: func(s *Snapshot, o runtime.Object) bool {
			p, ok := o.(P)
			if ok {
				*field(s) = append(*field(s), p)
			}
			return ok
		},
		copy: func(dst, src *Snapshot) { *field(dst) = *field(src) },
	}
}

// replaced returns a new slice in which o stands in for the object of its
// namespace and name, or joins, so that a snapshot sharing the old slice keeps
// its own.
func replaced[O metav1.Object](objs []O, o O) []O {
	objs = slices.Clone(objs)
	at := slices.IndexFunc(objs, func(old O) bool {
		return old.GetNamespace() == o.GetNamespace() && old.GetName() == o.GetName()
	})
	if at < 0 {
		return append(objs, o)
	}
	objs[at] = o
	return objs
}

// config describes a kind that is kept in Snapshot.Config.
func config(k Kind, version, kind string) Info {
	gvr, gvk := names(k, version, kind)
	set := func(s *Snapshot, o runtime.Object, join func([]*unstructured.Unstructured, *unstructured.Unstructured) []*unstructured.Unstructured) bool {
		u, ok := o.(*unstructured.Unstructured)
		if !ok || u.GroupVersionKind().GroupKind() != gvk.GroupKind() {
			return false
		}
		if s.Config == nil {
			s.Config = map[Kind][]*unstructured.Unstructured{}
		}
		s.Config[k] = join(s.Config[k], u)
		return true
	}
	return Info{
		Kind: k, Resource: gvr, Object: gvk, Namespaced: true,
		list: func(s *Snapshot) []runtime.Object {
			objs := make([]runtime.Object, 0, len(s.Config[k]))
			for _, o := range s.Config[k] {
				objs = append(objs, o)
			}
			return objs
		},
		put: func(s *Snapshot, o runtime.Object) bool { return set(s, o, replaced) },
		append: func(s *Snapshot, o runtime.Object) bool {
			return set(s, o, func(l []*unstructured.Unstructured, u *unstructured.Unstructured) []*unstructured.Unstructured {
				return append(l, u)
			})
		},
		copy: func(dst, src *Snapshot) {
			if dst.Config == nil {
				dst.Config = map[Kind][]*unstructured.Unstructured{}
			}
			dst.Config[k] = src.Config[k]
		},
	}
}

// String names the kind for a sentence: "pods", "virtualservices.networking.istio.io".
func (k Kind) String() string { return string(k) }
