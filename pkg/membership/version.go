package membership

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// version is the version of the proxy that a decision's control plane gives;
// empty when it is not known.
func (v *view) version(d admission.Decision) string {
	cp := v.plane(d)
	if cp == nil {
		return ""
	}
	version, ok := v.versions[cp]
	if !ok {
		version = proxyVersion(cp)
		v.versions[cp] = version
	}
	return version
}

// plane is the control plane whose answer stands in a decision.
func (v *view) plane(d admission.Decision) *mesh.ControlPlane {
	for _, cp := range v.planes {
		if cp.Revision == d.Istiod.Revision && (cp.Namespace == d.Istiod.Namespace || cp.Namespace == "" || d.Istiod.Namespace == "") {
			return cp
		}
	}
	return nil
}

// proxyVersion reads off a control plane's injection values which version its
// proxies are of (istio.io/istio 1.29.1,
// manifests/charts/istio-control/istio-discovery/files/injection-template.yaml:
// global.proxy.image, where it holds a slash, else that image of global.hub in
// global.tag), or, where they were not read, off istiod's own image.
func proxyVersion(cp *mesh.ControlPlane) string {
	if cp.Injector == nil {
		return cp.Version()
	}
	var values struct {
		Global struct {
			Tag   any `json:"tag"`
			Proxy struct {
				Image string `json:"image"`
			} `json:"proxy"`
		} `json:"global"`
	}
	if err := json.Unmarshal([]byte(cp.Injector.Data["values"]), &values); err != nil {
		return cp.Version()
	}
	if image := values.Global.Proxy.Image; strings.Contains(image, "/") {
		return mesh.ImageVersion(image)
	}
	if values.Global.Tag == nil {
		return cp.Version()
	}
	return mesh.ImageVersion("proxy:" + fmt.Sprint(values.Global.Tag))
}
