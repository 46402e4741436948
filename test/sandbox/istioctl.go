package sandbox

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// IstioctlInstall runs the real istioctl install, which waits until everything is ready, makes the default tag and
// takes injection over from istio-sidecar-injector to it. Into a sandbox without Istio it installs one; into one
// with Istio it installs over it. sets are its --set, as for InstallRevision but with the default profile.
func (s *Sandbox) IstioctlInstall(ctx context.Context, sets ...string) error {
	r, err := s.prepareIstio(ctx, sets)
	if err != nil {
		return err
	}
	overlay, err := portsOverlay(r.base)
	if err != nil {
		return err
	}
	path := s.file(fmt.Sprintf("overlay-%s-%s.yaml", r.key.namespace, r.key.name))
	if err := os.WriteFile(path, overlay, 0o644); err != nil {
		return err
	}
	args := []string{"install", "-y", "-f", path, "-i", r.key.namespace}
	for _, set := range istioSets(r.key.namespace, sets) {
		args = append(args, "--set", set)
	}
	if _, err := s.Istioctl(ctx, args...); err != nil {
		return err
	}
	return s.waitIstiod(ctx, r.key)
}

// portsOverlay is an IstioOperator that gives istiod's Deployment and Services the ports that they have in objs.
func portsOverlay(objs []*unstructured.Unstructured) ([]byte, error) {
	type m = map[string]any
	var overlays []any
	for _, obj := range objs {
		if obj.GetLabels()["app"] != "istiod" {
			continue
		}
		var patches []any
		switch obj.GetKind() {
		case "Service":
			ports, _, err := unstructured.NestedSlice(obj.Object, "spec", "ports")
			if err != nil {
				return nil, err
			}
			patches = []any{m{"path": "spec.ports", "value": ports}}
		case "Deployment":
			containers, _, err := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
			if err != nil {
				return nil, err
			}
			annotations, _, err := unstructured.NestedMap(obj.Object, "spec", "template", "metadata", "annotations")
			if err != nil {
				return nil, err
			}
			patches = []any{
				m{"path": "spec.template.spec.containers", "value": containers},
				m{"path": "spec.template.metadata.annotations", "value": annotations},
			}
		default:
			continue
		}
		overlays = append(overlays, m{
			"apiVersion": obj.GetAPIVersion(), "kind": obj.GetKind(), "name": obj.GetName(), "patches": patches,
		})
	}
	return yaml.Marshal(m{
		"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator",
		"spec": m{"components": m{"pilot": m{"k8s": m{"overlays": overlays}}}},
	})
}
