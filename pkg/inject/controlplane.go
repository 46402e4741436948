package inject

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// For returns the settings of a control plane of a snapshot. It fails when its
// ConfigMaps were not read.
//
// Where nodes could not be read, the API server's version stands in for those
// of the kubelets.
func For(s *mesh.Snapshot, cp *mesh.ControlPlane) (Settings, error) {
	if cp.Injector == nil {
		return Settings{}, fmt.Errorf("the injector ConfigMap of revision %s was not read", cp.Revision)
	}
	if cp.Mesh == nil {
		return Settings{}, fmt.Errorf("the mesh ConfigMap of revision %s was not read", cp.Revision)
	}
	return Settings{
		Revision:         cmp.Or(istiodEnv(cp, "REVISION"), cp.Revision),
		Config:           cp.Injector.Data["config"],
		Values:           cp.Injector.Data["values"],
		MeshConfig:       cp.Mesh.Data["mesh"],
		Path:             injectPath(cp.Webhooks),
		NativeSidecars:   nativeSidecars(cp),
		CompliancePolicy: istiodEnv(cp, "COMPLIANCE_POLICY"),
		Nodes:            nodes(s),
		ProxyConfigs:     s.Config[mesh.ProxyConfigs],
	}, nil
}

// NewInjector returns what injects as the control planes of a snapshot would.
// Engines are made when they are first asked for, and kept.
//
// The refusal of a control plane whose configuration istiod could not load is
// that error's text, which begins with "failed to get initial configuration",
// "failed to process webhook config" or "invalid mesh config". An error
// means that it could not be tried: ConfigMaps not read, or an istiod of
// another version whose templates the embedded code does not know.
func NewInjector(s *mesh.Snapshot) func(cp *mesh.ControlPlane, pod *core.Pod, ns *core.Namespace) (*core.Pod, string, error) {
	type made struct {
		engine *Engine
		err    error
	}
	engines := map[*mesh.ControlPlane]made{}
	return func(cp *mesh.ControlPlane, pod *core.Pod, ns *core.Namespace) (*core.Pod, string, error) {
		m, ok := engines[cp]
		if !ok {
			settings, err := For(s, cp)
			if err == nil {
				m.engine, err = New(settings)
			}
			m.err = err
			engines[cp] = m
		}
		r, err := Result{}, m.err
		if err == nil {
			r, err = m.engine.Inject(pod, ns.Name)
		}
		if broken := (*ConfigError)(nil); errors.As(err, &broken) {
			r, err = Result{Refusal: broken.Error()}, nil
		}
		if err == nil && foreign(r.Refusal, cp.Version()) {
			err = fmt.Errorf("the templates of revision %s (istiod %s) need more than Istio %s knows", cp.Revision, cmp.Or(cp.Version(), "of unknown version"), IstioVersion)
		}
		if err != nil {
			return nil, "", err
		}
		return r.Pod, r.Refusal, nil
	}
}

// foreign reports whether a refusal may be ours alone: a template that calls
// for functions or fields that this release does not have, in a control plane
// of another minor version.
func foreign(refusal, version string) bool {
	if !strings.Contains(refusal, "not defined") && !strings.Contains(refusal, "can't evaluate field") {
		return false
	}
	return minor(version) != minor(IstioVersion)
}

// minor is the second number of a version, -1 when there is none.
func minor(version string) int {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return -1
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return -1
	}
	return n
}

// nativeSidecars is what istiod is set to: its own default is "auto" since
// 1.28 and was "false" before (istio.io/istio, pilot/pkg/features/pilot.go).
func nativeSidecars(cp *mesh.ControlPlane) string {
	if v := istiodEnv(cp, "ENABLE_NATIVE_SIDECARS"); v != "" {
		return v
	}
	if m := minor(cp.Version()); m >= 0 && m < 28 {
		return "false"
	}
	return "auto"
}

func istiodEnv(cp *mesh.ControlPlane, name string) string {
	if cp.Deployment == nil {
		return ""
	}
	for _, c := range cp.Deployment.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if c.Name == "discovery" && e.Name == name {
				return e.Value
			}
		}
	}
	return ""
}

// nodes are the snapshot's, or one as old as the API server.
func nodes(s *mesh.Snapshot) []*core.Node {
	if s.Complete(mesh.Nodes, "") || s.Facts.ServerVersion == "" {
		return s.Nodes
	}
	return []*core.Node{{Status: core.NodeStatus{NodeInfo: core.NodeSystemInfo{KubeletVersion: s.Facts.ServerVersion}}}}
}

// injectPath is the path that the API server calls: all webhooks of a control
// plane have the same.
func injectPath(configs []*admissionv1.MutatingWebhookConfiguration) string {
	for _, c := range configs {
		for _, w := range c.Webhooks {
			if !mesh.IsInjector(w.Name) {
				continue
			}
			if svc := w.ClientConfig.Service; svc != nil && svc.Path != nil {
				return *svc.Path
			}
			if w.ClientConfig.URL != nil {
				if u, err := url.Parse(*w.ClientConfig.URL); err == nil {
					return u.Path
				}
			}
		}
	}
	return ""
}
