package inject

import (
	"encoding/json"
	"fmt"

	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/api/networking/v1beta1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/util/protomarshal"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// proxyConfigs indexes ProxyConfig objects as istiod does; what istiod's
// decoder would not take, it does not see either.
func proxyConfigs(objects []*unstructured.Unstructured, mc *meshapi.MeshConfig) (*model.ProxyConfigs, error) {
	store := model.NewFakeStore()
	for _, o := range objects {
		raw, err := json.Marshal(o.Object["spec"])
		if err != nil {
			return nil, fmt.Errorf("encode ProxyConfig %s/%s: %w", o.GetNamespace(), o.GetName(), err)
		}
		spec := &v1beta1.ProxyConfig{}
		if err := protomarshal.ApplyJSON(string(raw), spec); err != nil {
			continue
		}
		_, err = store.Create(config.Config{
			Meta: config.Meta{
				GroupVersionKind:  gvk.ProxyConfig,
				Namespace:         o.GetNamespace(),
				Name:              o.GetName(),
				CreationTimestamp: o.GetCreationTimestamp().Time,
			},
			Spec: spec,
		})
		if err != nil {
			return nil, fmt.Errorf("index ProxyConfig %s/%s: %w", o.GetNamespace(), o.GetName(), err)
		}
	}
	return model.GetProxyConfigs(store, mc), nil
}
