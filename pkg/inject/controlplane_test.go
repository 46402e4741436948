package inject_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func controlPlane() *mesh.ControlPlane {
	path := "/inject/cluster/east"
	return &mesh.ControlPlane{
		Revision: "canary", Namespace: "istio-system",
		Deployment: &apps.Deployment{Spec: apps.DeploymentSpec{Template: core.PodTemplateSpec{Spec: core.PodSpec{
			Containers: []core.Container{{
				Name: "discovery", Image: "docker.io/istio/pilot:1.29.1-distroless",
				Env: []core.EnvVar{{Name: "REVISION", Value: "canary"}, {Name: "ENABLE_NATIVE_SIDECARS", Value: "true"}},
			}},
		}}}},
		Webhooks: []*admissionv1.MutatingWebhookConfiguration{{Webhooks: []admissionv1.MutatingWebhook{{
			Name:         "namespace.sidecar-injector.istio.io",
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Path: &path}},
		}}}},
		Injector: &core.ConfigMap{Data: map[string]string{"config": config, "values": values}},
		Mesh:     &core.ConfigMap{Data: map[string]string{"mesh": meshConfig}},
	}
}

func image(cp *mesh.ControlPlane, image string) {
	cp.Deployment.Spec.Template.Spec.Containers[0].Image = image
}

func snapshot(nodes ...*core.Node) *mesh.Snapshot {
	return &mesh.Snapshot{Nodes: nodes, Read: []mesh.Extent{{Kind: mesh.Everything}}}
}

func TestSettingsOfAControlPlane(t *testing.T) {
	nodes := kubelets("v1.35.4")
	got, err := inject.For(snapshot(nodes...), controlPlane())
	require.NoError(t, err)
	require.Equal(t, inject.Settings{
		Revision: "canary", Config: config, Values: values, MeshConfig: meshConfig,
		Path: "/inject/cluster/east", NativeSidecars: "true", Nodes: nodes,
	}, got)
}

func TestNativeSidecarsWhereIstiodsEnvironmentSaysNothing(t *testing.T) {
	for version, want := range map[string]string{
		"1.29.1": "auto", "1.28.0": "auto", "1.27.3": "false", "1.30-alpha.3": "auto", "latest": "auto",
	} {
		t.Run(version, func(t *testing.T) {
			cp := controlPlane()
			cp.Deployment.Spec.Template.Spec.Containers[0].Env = nil
			image(cp, "docker.io/istio/pilot:"+version)
			got, err := inject.For(snapshot(), cp)
			require.NoError(t, err)
			require.Equal(t, want, got.NativeSidecars)
		})
	}
}

func TestTheAPIServersVersionStandsInForNodesThatWereNotRead(t *testing.T) {
	s := &mesh.Snapshot{Gaps: []mesh.Gap{{Kind: mesh.Nodes, Verb: "list", Reason: "forbidden"}}}
	s.Facts.ServerVersion = "v1.31.2"
	got, err := inject.For(s, controlPlane())
	require.NoError(t, err)
	require.Len(t, got.Nodes, 1)
	require.Equal(t, "v1.31.2", got.Nodes[0].Status.NodeInfo.KubeletVersion)
}

func TestInjectorOfASnapshot(t *testing.T) {
	ns := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	for name, c := range map[string]struct {
		change  func(*mesh.ControlPlane)
		pod     *core.Pod
		refusal string
		err     string
	}{
		"injects": {pod: pod()},
		"no injector ConfigMap": {
			change: func(cp *mesh.ControlPlane) { cp.Injector = nil },
			pod:    pod(), err: "the injector ConfigMap of revision canary was not read",
		},
		"no mesh ConfigMap": {
			change: func(cp *mesh.ControlPlane) { cp.Mesh = nil },
			pod:    pod(), err: "the mesh ConfigMap of revision canary was not read",
		},
		"istiod refuses": {
			pod:     pod(annotated("inject.istio.io/templates", "spire")),
			refusal: `failed to run injection template: requested template "spire" not found; have broken, extra, sidecar`,
		},
		"istiod could not load its templates": {
			change:  func(cp *mesh.ControlPlane) { cp.Injector.Data["config"] = "templates: {sidecar: '{{ later }}'}" },
			pod:     pod(),
			refusal: `failed to get initial configuration: failed reading config: template: inject:1: function "later" not defined`,
		},
		"templates of a later release than the embedded code": {
			change: func(cp *mesh.ControlPlane) {
				cp.Injector.Data["config"] = "templates: {sidecar: '{{ later }}'}"
				image(cp, "docker.io/istio/pilot:1.33.0")
			},
			pod: pod(), err: "the templates of revision canary (istiod 1.33.0) need more than Istio 1.29.1 knows",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cp := controlPlane()
			if c.change != nil {
				c.change(cp)
			}
			got, refusal, err := inject.NewInjector(snapshot())(cp, c.pod, ns)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.refusal, refusal)
			require.Equal(t, c.refusal == "", got != nil && mesh.InMesh(got))
		})
	}
}
