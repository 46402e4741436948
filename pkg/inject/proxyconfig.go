package inject

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"
	"istio.io/api/annotation"
	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/api/networking/v1beta1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config"
	meshconfig "istio.io/istio/pkg/config/mesh"
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
	if len(objects) == 0 {
		// For a root namespace istiod takes the time to merge its ProxyConfigs
		// into those of every pod though there are none.
		mc = &meshapi.MeshConfig{}
	}
	return model.GetProxyConfigs(store, mc), nil
}

// defaultsOnly reports whether the proxy configuration of a pod without an
// annotation of its own is just the built-in one.
func defaultsOnly(configs *model.ProxyConfigs, mc *meshapi.MeshConfig) bool {
	// Of no namespace: without ProxyConfigs all namespaces are alike.
	return proto.Equal(configs.EffectiveProxyConfig(&model.NodeMetadata{}, mc), meshconfig.DefaultProxyConfig())
}

// withoutMerging sends pods without a proxy configuration of their own to a
// webhook that has no ProxyConfigs. It takes the built-in configuration as it
// is, where the other merges it with itself for every pod, a tenth of its time.
func withoutMerging(webhook func(*model.ProxyConfigs) (func([]byte) ([]byte, error), error), merging func([]byte) ([]byte, error)) (func([]byte) ([]byte, error), error) {
	plain, err := webhook(nil)
	if err != nil {
		return nil, err
	}
	return func(review []byte) ([]byte, error) {
		if bytes.Contains(review, []byte(annotation.ProxyConfig.Name)) {
			return merging(review)
		}
		return plain(review)
	}, nil
}
