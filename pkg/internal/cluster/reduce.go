package cluster

import (
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
)

// reducer takes from objects what kept.go does not list. What is reduced once
// stays as it is when it is reduced again. It is safe for use by several
// goroutines.
type reducer struct {
	shared
	exact bool // ConfigMaps keep their values
}

func newReducer() *reducer { return &reducer{shared: newShared()} }

// reduce returns what is kept of an object, nil when none of it is. It does
// not hold on to the object itself, which may be a part of a large list, and
// may change what it points to.
func (r *reducer) reduce(o runtime.Object) runtime.Object {
	switch o := o.(type) {
	case *core.Pod:
		return r.pod(o)
	case *core.Event:
		return r.event(o)
	case *core.ConfigMap:
		return r.configMap(o)
	case *core.Namespace:
		m := r.baseMeta(&o.ObjectMeta)
		m.ManagedFields = owners(o.ManagedFields, true)
		return &core.Namespace{ObjectMeta: m, Status: o.Status}
	case *core.Node:
		n := &core.Node{ObjectMeta: r.meta(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
		n.Status.Images, n.Status.VolumesInUse, n.Status.VolumesAttached, n.Status.Config = nil, nil, nil, nil
		return n
	case *core.Service:
		return &core.Service{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: core.ServiceStatus{LoadBalancer: o.Status.LoadBalancer}}
	case *core.ResourceQuota:
		return &core.ResourceQuota{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
	case *core.LimitRange:
		return &core.LimitRange{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec}
	case *discovery.EndpointSlice:
		return &discovery.EndpointSlice{ObjectMeta: r.meta(&o.ObjectMeta), AddressType: o.AddressType, Endpoints: o.Endpoints, Ports: o.Ports}
	case *networking.NetworkPolicy:
		return &networking.NetworkPolicy{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec}
	case *autoscaling.HorizontalPodAutoscaler:
		return &autoscaling.HorizontalPodAutoscaler{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
	case *admissionv1.MutatingWebhookConfiguration:
		m := r.baseMeta(&o.ObjectMeta)
		m.ManagedFields = owners(o.ManagedFields, true)
		return &admissionv1.MutatingWebhookConfiguration{ObjectMeta: m, Webhooks: o.Webhooks}
	case *admissionv1.ValidatingWebhookConfiguration:
		m := r.baseMeta(&o.ObjectMeta)
		m.ManagedFields = owners(o.ManagedFields, true)
		return &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: m, Webhooks: o.Webhooks}
	case *unstructured.Unstructured:
		return r.config(o)
	}
	return r.controller(o)
}

// controller reduces the kinds that make pods.
func (r *reducer) controller(o runtime.Object) runtime.Object {
	switch o := o.(type) {
	case *apps.Deployment:
		d := &apps.Deployment{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
		d.Spec.Template = r.template(&o.Spec.Template)
		return d
	case *apps.StatefulSet:
		s := &apps.StatefulSet{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
		s.Spec.Template, s.Spec.VolumeClaimTemplates = r.template(&o.Spec.Template), nil
		return s
	case *apps.DaemonSet:
		d := &apps.DaemonSet{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
		d.Spec.Template = r.template(&o.Spec.Template)
		return d
	case *apps.ReplicaSet:
		return r.replicaSet(o)
	case *batch.Job:
		j := &batch.Job{ObjectMeta: r.meta(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
		j.Status.UncountedTerminatedPods = nil
		j.Spec.Template = r.template(&o.Spec.Template)
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil && owner.Kind == "CronJob" {
			j.Spec.Template = core.PodTemplateSpec{}
		}
		return j
	case *batch.CronJob:
		c := &batch.CronJob{ObjectMeta: r.owned(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
		c.Status.Active = nil
		c.Spec.JobTemplate.ObjectMeta = r.meta(&o.Spec.JobTemplate.ObjectMeta)
		c.Spec.JobTemplate.Spec.Template = r.template(&o.Spec.JobTemplate.Spec.Template)
		return c
	}
	return nil
}

func (r *reducer) replicaSet(o *apps.ReplicaSet) runtime.Object {
	s := &apps.ReplicaSet{ObjectMeta: r.meta(&o.ObjectMeta), Spec: o.Spec, Status: o.Status}
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil || owner.Kind != "Deployment" {
		s.Spec.Template = r.template(&o.Spec.Template)
		return s
	}
	if o.Spec.Replicas != nil && *o.Spec.Replicas == 0 && o.Status.Replicas == 0 {
		return nil
	}
	s.Spec.Template, s.Spec.Selector = core.PodTemplateSpec{}, nil
	return s
}

// event keeps warnings that say something about injection.
func (r *reducer) event(o *core.Event) runtime.Object {
	if o.Type != core.EventTypeWarning || !keepEvent(o.Reason, o.InvolvedObject.FieldPath) {
		return nil
	}
	of := o.InvolvedObject
	return &core.Event{
		ObjectMeta: metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, CreationTimestamp: o.CreationTimestamp},
		InvolvedObject: core.ObjectReference{
			APIVersion: r.share(of.APIVersion), Kind: r.share(of.Kind),
			Namespace: of.Namespace, Name: of.Name, FieldPath: r.share(of.FieldPath),
		},
		Type: core.EventTypeWarning, Reason: r.share(o.Reason), Message: r.share(o.Message),
		Count: o.Count, FirstTimestamp: o.FirstTimestamp, LastTimestamp: o.LastTimestamp, EventTime: o.EventTime, Series: o.Series,
	}
}

func (r *reducer) configMap(o *core.ConfigMap) runtime.Object {
	if !keepConfigMap(o.Name) {
		return nil
	}
	var data map[string]string
	for k, v := range o.Data {
		if !keepData(o.Name, k) {
			continue
		}
		if data == nil {
			data = map[string]string{}
		}
		if !r.exact {
			v = r.dataValue(k, v)
		}
		data[k] = r.share(v)
	}
	if data == nil && len(o.Data) > 0 {
		return nil
	}
	return &core.ConfigMap{ObjectMeta: r.owned(&o.ObjectMeta), Data: data}
}

// config reduces a routing or policy object, which else stays as it came.
func (r *reducer) config(o *unstructured.Unstructured) runtime.Object {
	u := &unstructured.Unstructured{Object: o.Object}
	u.SetManagedFields(owners(o.GetManagedFields(), false))
	u.SetAnnotations(r.annotations(o.GetAnnotations()))
	return u
}
