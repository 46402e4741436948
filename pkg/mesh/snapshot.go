package mesh

import (
	"fmt"
	"maps"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Snapshot is a cluster's state at one moment. It is not changed once it has
// been read; With makes another.
//
// Objects are reduced when they are read (pkg/internal/cluster keeps the list
// of what stays), so that a snapshot holds no secrets and little memory.
type Snapshot struct {
	Time   time.Time // when it was read; checks use it and not the clock
	Source string    // what it was read from: "context kind-demo", "files"
	Files  bool      // read from files, not from an API server

	Read []Extent // what was asked for and came
	Gaps []Gap    // what was asked for and could not be read

	Namespaces         []*core.Namespace
	Nodes              []*core.Node
	Pods               []*core.Pod
	Services           []*core.Service
	ConfigMaps         []*core.ConfigMap // those of control planes and istio-ca-root-cert, no others
	Events             []*core.Event     // of type Warning
	ResourceQuotas     []*core.ResourceQuota
	LimitRanges        []*core.LimitRange
	EndpointSlices     []*discovery.EndpointSlice
	NetworkPolicies    []*networking.NetworkPolicy
	Deployments        []*apps.Deployment
	StatefulSets       []*apps.StatefulSet
	DaemonSets         []*apps.DaemonSet
	ReplicaSets        []*apps.ReplicaSet
	Jobs               []*batch.Job
	CronJobs           []*batch.CronJob
	Autoscalers        []*autoscaling.HorizontalPodAutoscaler
	MutatingWebhooks   []*admissionv1.MutatingWebhookConfiguration
	ValidatingWebhooks []*admissionv1.ValidatingWebhookConfiguration

	// Config holds routing and policy objects as they came, so that fields
	// this program does not know survive an edit.
	Config map[Kind][]*unstructured.Unstructured

	Facts Facts
}

// Extent is a kind that was read: in one namespace, or in all where Namespace
// is empty.
type Extent struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
}

// Gap is something that could not be read.
type Gap struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // empty: in all namespaces
	Verb      string `json:"verb,omitempty"`      // the right that is missing, where that is the reason: "list"
	Reason    string `json:"reason"`              // "forbidden", "not in the files", "timed out after 15s", …
}

// String says what is missing, and the right to ask for where that is why:
// "may not list pods in namespace shop".
func (g Gap) String() string {
	where := ""
	if g.Namespace != "" {
		where = " in namespace " + g.Namespace
	}
	if g.Verb != "" {
		return fmt.Sprintf("may not %s %s%s", g.Verb, g.Kind, where)
	}
	return fmt.Sprintf("could not read %s%s: %s", g.Kind, where, g.Reason)
}

// Facts is what is known of a cluster that is no API object. Each has a Kind
// of its own, so that each can be a gap of its own.
type Facts struct {
	ServerVersion string            `json:"serverVersion,omitempty"` // gitVersion: "v1.35.4"
	ServerTime    time.Time         `json:"serverTime,omitzero"`     // the API server's clock (its Date header) at Snapshot.Time
	APIGroups     []string          `json:"apiGroups,omitempty"`     // served group versions: "apps/v1"
	Admission     *AdmissionMetrics `json:"admission,omitempty"`
}

// AdmissionMetrics is what the API server's /metrics says of admission. It is
// one server's view: behind a load balancer others may say otherwise.
type AdmissionMetrics struct {
	// Plugins names the admission plugins that have run since the server
	// started (apiserver_admission_controller_admission_duration_seconds_count).
	Plugins []string `json:"plugins,omitempty"`
	// Webhooks counts what became of the calls to each webhook.
	Webhooks map[string]WebhookCalls `json:"webhooks,omitempty"`
}

// WebhookCalls counts the calls to one webhook since the API server started.
type WebhookCalls struct {
	Requests   int            `json:"requests,omitempty"`
	Rejections map[string]int `json:"rejections,omitempty"` // by error_type: calling_webhook_error, no_error, …
	FailOpen   int            `json:"failOpen,omitempty"`   // calls that failed and were let through
	Excluded   int            `json:"excluded,omitempty"`   // by match conditions
}

// Complete reports whether all of a kind in a namespace was read; with an
// empty namespace, in all namespaces. What was read of one namespace counts
// there, also where reading all namespaces failed.
func (s *Snapshot) Complete(k Kind, namespace string) bool {
	all, here := false, false
	for _, e := range s.Read {
		if e.Kind == k || e.Kind == Everything {
			all = all || e.Namespace == ""
			here = here || e.Namespace == namespace && namespace != ""
		}
	}
	for _, g := range s.Gaps {
		if g.Kind != k {
			continue
		}
		if namespace == "" || g.Namespace == namespace || g.Namespace == "" && !here {
			return false
		}
	}
	return all || here
}

// Missing returns why a kind is not known, or not in every namespace that was
// asked for; nil when nothing is missing.
func (s *Snapshot) Missing(k Kind) []Gap {
	var gaps []Gap
	for _, g := range s.Gaps {
		if g.Kind == k {
			gaps = append(gaps, g)
		}
	}
	if gaps == nil && !slices.ContainsFunc(s.Read, func(e Extent) bool { return e.Kind == k || e.Kind == Everything }) {
		gaps = []Gap{{Kind: k, Reason: "not read"}}
	}
	return gaps
}

// Objects returns all objects of a kind, nil for facts.
func (s *Snapshot) Objects(k Kind) []runtime.Object {
	i, ok := Lookup(k)
	if !ok || i.list == nil {
		return nil
	}
	return i.list(s)
}

// Only returns a view that holds these kinds and no others. It shares objects.
func (s *Snapshot) Only(kinds ...Kind) *Snapshot {
	v := &Snapshot{Time: s.Time, Source: s.Source, Files: s.Files, Read: s.Read, Gaps: s.Gaps}
	for _, k := range kinds {
		if i, ok := Lookup(k); ok {
			i.copy(v, s)
		}
	}
	return v
}

// With returns a snapshot in which these objects replace those of the same
// kind, namespace and name, or join. s and its objects stay as they are. It
// fails for an object of a kind that snapshots do not hold.
func (s *Snapshot) With(objs ...runtime.Object) (*Snapshot, error) {
	n := *s
	n.Config = maps.Clone(s.Config)
	for _, o := range objs {
		if err := n.put(o); err != nil {
			return nil, err
		}
	}
	return &n, nil
}

func (s *Snapshot) put(o runtime.Object) error {
	for _, i := range kinds {
		if i.put != nil && i.put(s, o) {
			return nil
		}
	}
	return fmt.Errorf("a snapshot does not hold %T", o)
}
