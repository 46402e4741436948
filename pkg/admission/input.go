package admission

import (
	"fmt"
	"maps"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
)

// input is one question: a pod's creation in a namespace, as the API server
// sees it.
type input struct {
	namespace   string // its name
	nsLabels    labels.Set
	podLabels   labels.Set
	annotations map[string]string
	hostNetwork bool
	whole       bool // the pod is known in full
	pod         *core.Pod
	read        bool // the namespace was read
	met         map[label]string
	attr        *admission.VersionedAttributes
}

func newInput(ns *core.Namespace, t Template) *input {
	in := &input{podLabels: t.Labels, annotations: t.Annotations, hostNetwork: t.HostNetwork, pod: t.Pod, whole: t.Pod != nil, read: ns != nil, met: map[label]string{}}
	if ns != nil {
		in.namespace, in.nsLabels = ns.Name, ns.Labels
	} else if t.Pod != nil {
		in.namespace = t.Pod.Namespace
	}
	in.nameNamespace()
	in.attr = in.attributes()
	return in
}

// nameNamespace adds the label with a namespace's name.
func (in *input) nameNamespace() {
	if in.namespace == "" || in.nsLabels[core.LabelMetadataName] == in.namespace {
		return
	}
	// The API server sets this label on every namespace it writes
	// (k8s.io/kubernetes v1.35, pkg/apis/core/v1/defaults.go: SetDefaults_Namespace);
	// a manifest does not carry it.
	in.nsLabels = maps.Clone(in.nsLabels)
	if in.nsLabels == nil {
		in.nsLabels = labels.Set{}
	}
	in.nsLabels[core.LabelMetadataName] = in.namespace
}

// label is a label of a namespace or of a pod.
type label struct {
	side side
	key  string
}

// got says what a label is; many webhooks ask for the same few.
func (in *input) got(whose side, key string) string {
	at := label{whose, key}
	if text, ok := in.met[at]; ok {
		return text
	}
	set := in.nsLabels
	if whose == ofPod {
		set = in.podLabels
	}
	text := fmt.Sprintf("%s label %s is not set", whose, key)
	if value, ok := set[key]; ok {
		text = fmt.Sprintf("%s label %s is %q", whose, key, value)
	}
	in.met[at] = text
	return text
}

// attributes is the request that match conditions see: the pod as its
// controller would send it, and not as it became later.
func (in *input) attributes() *admission.VersionedAttributes {
	pod := &core.Pod{}
	if in.pod != nil {
		*pod = *in.pod
	}
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.Namespace, pod.Labels, pod.Annotations = in.namespace, in.podLabels, in.annotations
	pod.Spec.HostNetwork = in.hostNetwork
	pod.UID, pod.ResourceVersion, pod.Generation = types.UID(""), "", 0
	pod.CreationTimestamp, pod.DeletionTimestamp, pod.Status = metav1.Time{}, nil, core.PodStatus{}
	if pod.GenerateName != "" {
		pod.Name, pod.Spec.NodeName = "", ""
	}
	kind := schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	attr := admission.NewAttributesRecord(pod, nil, kind, in.namespace, pod.Name, podsResource(), "",
		admission.Create, &metav1.CreateOptions{}, false, creator(pod))
	return &admission.VersionedAttributes{Attributes: attr, VersionedObject: pod, VersionedKind: kind}
}

func podsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "pods"}
}

// creator is who usually creates such a pod: the service account of its
// controller (k8s.io/kubernetes v1.35,
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go), which
// is the ReplicaSet controller where no other is known.
func creator(pod *core.Pod) user.Info {
	account := "replicaset-controller"
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
		switch owner.Kind {
		case "StatefulSet":
			account = "statefulset-controller"
		case "DaemonSet":
			account = "daemon-set-controller"
		case "Job":
			account = "job-controller"
		case "ReplicationController":
			account = "replication-controller"
		}
	}
	return &user.DefaultInfo{
		Name:   "system:serviceaccount:kube-system:" + account,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
	}
}
