package cluster

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// meta is what every object keeps of its metadata.
func (r *reducer) meta(o *metav1.ObjectMeta) metav1.ObjectMeta {
	m := metav1.ObjectMeta{
		Name: o.Name, GenerateName: o.GenerateName, Namespace: r.share(o.Namespace), Generation: o.Generation,
		CreationTimestamp: o.CreationTimestamp, DeletionTimestamp: o.DeletionTimestamp,
		Labels: r.labels(o.Labels), Annotations: r.annotations(o.Annotations),
	}
	for _, ref := range o.OwnerReferences {
		m.OwnerReferences = append(m.OwnerReferences, metav1.OwnerReference{
			APIVersion: r.share(ref.APIVersion), Kind: r.share(ref.Kind), Name: r.share(ref.Name), Controller: ref.Controller,
		})
	}
	return m
}

// owned is meta, and who changed the object.
func (r *reducer) owned(o *metav1.ObjectMeta) metav1.ObjectMeta {
	m := r.meta(o)
	m.ManagedFields = owners(o.ManagedFields, false)
	return m
}

// baseMeta is meta, and what a change of the object is based on.
func (r *reducer) baseMeta(o *metav1.ObjectMeta) metav1.ObjectMeta {
	m := r.meta(o)
	m.ResourceVersion, m.UID = o.ResourceVersion, o.UID
	return m
}

func (r *reducer) labels(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	m := make(map[string]string, len(labels))
	for k, v := range labels {
		m[r.share(k)] = r.share(v)
	}
	return r.shareMap(m)
}

func (r *reducer) annotations(annotations map[string]string) map[string]string {
	var m map[string]string
	for k, v := range annotations {
		if !keepAnnotation(k) {
			continue
		}
		if m == nil {
			m = map[string]string{}
		}
		m[r.share(k)] = r.share(r.annotationValue(k, v))
	}
	return r.shareMap(m)
}
