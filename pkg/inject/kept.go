package inject

import (
	"maps"
	"reflect"
	"slices"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// keepDefaults puts back into a template that was injected anew what the API
// server had filled in when it stored the template as it was: what kubectl get
// printed stays as it is where nothing else changed. A template that the API
// server would not store stays as it is.
func keepDefaults(template, before map[string]any) map[string]any {
	t := &core.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, t); err != nil {
		return template
	}
	for _, containers := range [][]core.Container{t.Spec.InitContainers, t.Spec.Containers} {
		for i := range containers {
			containerDefaults(&containers[i])
		}
	}
	for i := range t.Spec.Volumes {
		volumeDefaults(&t.Spec.Volumes[i].VolumeSource)
	}
	full, err := runtime.DefaultUnstructuredConverter.ToUnstructured(t)
	if err != nil {
		return template
	}
	return mapAsStored(template, full, before)
}

// asStored is a value as it was before, in so far as that is the same to the
// API server: full is the value as it would be stored.
func asStored(value, full, before any) any {
	if reflect.DeepEqual(full, before) {
		return before
	}
	switch v := value.(type) {
	case map[string]any:
		f, _ := full.(map[string]any)
		b, ok := before.(map[string]any)
		if !ok {
			return value
		}
		return mapAsStored(v, f, b)
	case []any:
		f, _ := full.([]any)
		b, ok := before.([]any)
		if !ok || len(f) != len(v) {
			return value
		}
		out, used := slices.Clone(v), make([]bool, len(b))
		for i := range v {
			if at := partner(b, used, f[i]); at >= 0 {
				used[at] = true
				out[i] = asStored(v[i], f[i], b[at])
			}
		}
		return out
	}
	return value
}

func mapAsStored(value, full, before map[string]any) map[string]any {
	out := maps.Clone(value)
	for key, v := range value {
		stored, kept := full[key]
		b, had := before[key]
		switch {
		case had:
			out[key] = asStored(v, stored, b)
		case !kept: // nothing to the API server: an empty string
			delete(out, key)
		}
	}
	for key, b := range before {
		if _, there := value[key]; there {
			continue
		}
		if stored, ok := full[key]; ok && reflect.DeepEqual(stored, b) {
			out[key] = b
		}
	}
	return out
}

// volumeDefaults is SetDefaults_Volume and those of its sources in
// pkg/apis/core/v1/defaults.go of k8s.io/kubernetes v1.35.4, for the sources
// that templates add.
func volumeDefaults(v *core.VolumeSource) {
	if *v == (core.VolumeSource{}) {
		v.EmptyDir = &core.EmptyDirVolumeSource{}
	}
	if v.HostPath != nil {
		setDefaultPointer(&v.HostPath.Type, core.HostPathUnset)
	}
	if v.Secret != nil {
		setDefaultPointer(&v.Secret.DefaultMode, core.SecretVolumeSourceDefaultMode)
	}
	if v.ConfigMap != nil {
		setDefaultPointer(&v.ConfigMap.DefaultMode, core.ConfigMapVolumeSourceDefaultMode)
	}
	if v.DownwardAPI != nil {
		setDefaultPointer(&v.DownwardAPI.DefaultMode, core.DownwardAPIVolumeSourceDefaultMode)
		downwardDefaults(v.DownwardAPI.Items)
	}
	if v.Projected == nil {
		return
	}
	setDefaultPointer(&v.Projected.DefaultMode, core.ProjectedVolumeSourceDefaultMode)
	for _, s := range v.Projected.Sources {
		if s.ServiceAccountToken != nil {
			setDefaultPointer(&s.ServiceAccountToken.ExpirationSeconds, int64(60*60))
		}
		if s.DownwardAPI != nil {
			downwardDefaults(s.DownwardAPI.Items)
		}
	}
}

func downwardDefaults(files []core.DownwardAPIVolumeFile) {
	for _, f := range files {
		if f.FieldRef != nil {
			setDefault(&f.FieldRef.APIVersion, "v1")
		}
	}
}
