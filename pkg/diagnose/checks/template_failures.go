package checks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// templateFailure is injection that fails for every pod of a control plane (or
// for all that choose the same templates), whatever the pod.
type templateFailure struct {
	plane    *mesh.ControlPlane
	words    string     // istiod's
	unloaded bool       // istiod cannot load its configuration; else it loads it and fails with every pod
	mesh     bool       // it is the mesh configuration that cannot be loaded
	other    bool       // the templates are of another version than istiod
	refs     []mesh.Ref // workloads hit
}

// templateFailures finds them by giving istiod's own code a plain pod, and,
// where that cannot be tried, in the refusals that controllers report. One for
// each control plane.
func templateFailures(p *diagnose.Pass) []*templateFailure {
	var all []*templateFailure
	by := map[*mesh.ControlPlane]*templateFailure{}
	add := func(cp *mesh.ControlPlane, words string, refs ...mesh.Ref) {
		f := by[cp]
		if f == nil {
			f = &templateFailure{plane: cp, words: words, unloaded: unloadable(words), mesh: strings.HasPrefix(words, "invalid mesh config"), other: otherVersion(words)}
			by[cp], all = f, append(all, f)
		}
		f.refs = append(f.refs, refs...)
	}
	tried := map[*mesh.ControlPlane]bool{}
	for _, b := range probes(p) {
		in, ok := p.Inject(b.pod)
		if !ok {
			continue
		}
		tried[b.plane] = true
		if in.Refusal != "" && ofTemplate(in.Refusal) {
			add(b.plane, in.Refusal, b.refs...)
		}
	}
	for _, d := range denials(p, func(*mesh.Workload) bool { return false }) {
		if cp := planeOf(p, d.workload); cp != nil && !tried[cp] && ofTemplate(d.words) {
			add(cp, d.words, d.workload.Ref)
		}
	}
	return all
}

// ofTemplate reports whether a refusal of a plain pod is the fault of
// templates or values: any is, but for the name of a template.
func ofTemplate(words string) bool {
	c, _ := classify(asDenied(words))
	return c != causeTemplateUnknown && c != causeAnnotation
}

// otherVersion reports whether a template asks istiod for a function or field
// that it does not have (text/template and istio.io/istio 1.29.1,
// manifests/charts/istio-control/istio-discovery/templates/istiod-injector-configmap.yaml).
func otherVersion(words string) bool {
	return strings.Contains(words, "Mismatched_Check_Installation") ||
		strings.Contains(words, `function "`) && strings.Contains(words, "not defined") ||
		regexp.MustCompile(`can't evaluate field \w+ in type \*`).MatchString(words) // of istiod's own data; values have the type interface {}
}

// severity is an error where pods are refused, or istiod is down for it; a
// running istiod goes on with the configuration it loaded before.
func (f *templateFailure) severity() diagnose.Severity {
	if f.mesh || f.unloaded && f.plane.Deployment != nil && f.plane.Deployment.Status.AvailableReplicas > 0 {
		return diagnose.Warning
	}
	return diagnose.Error
}

// consequence ends a message: who is hit, and how.
func (f *templateFailure) consequence() string {
	switch {
	case f.mesh:
		return "so istiod goes on with what it loaded before, and when it restarts with the built-in defaults"
	case f.severity() == diagnose.Warning:
		return "so istiod goes on with what it loaded before and will not start again"
	case f.unloaded:
		return "so istiod does not start and no pod is injected, of " + hit(f.refs)
	case len(f.refs) == 0:
		return "so istiod refuses every pod that it is to inject"
	}
	return "so istiod refuses every new pod of " + hit(f.refs)
}

// object is the ConfigMap at fault, and the key of it.
func (f *templateFailure) object() (mesh.Ref, string) {
	cm, key := f.plane.Injector, "data.config"
	switch {
	case f.mesh && f.plane.Mesh != nil:
		cm, key = f.plane.Mesh, "data.mesh"
	case strings.Contains(f.words, "configuration values") || strings.Contains(f.words, "values.yaml") || strings.Contains(f.words, ".Values."):
		key = "data.values"
	}
	if cm == nil {
		name := "istio-sidecar-injector"
		if f.plane.Revision != "default" {
			name += "-" + f.plane.Revision
		}
		return mesh.RefTo(mesh.ConfigMaps, f.plane.Namespace, name), key
	}
	return mesh.RefTo(mesh.ConfigMaps, cm.Namespace, cm.Name), key
}

// covers are the objects whose faults follow from this one: those of an istiod
// that cannot start.
func (f *templateFailure) covers() []mesh.Ref {
	if !f.unloaded || f.severity() != diagnose.Error || f.plane.Deployment == nil {
		return nil
	}
	refs := []mesh.Ref{mesh.RefTo(mesh.Deployments, f.plane.Namespace, f.plane.Deployment.Name)}
	for _, c := range f.plane.Webhooks {
		if svc := calledService(c); svc != nil {
			refs = append(refs, mesh.RefTo(mesh.Services, svc.Namespace, svc.Name))
		}
	}
	return refs
}

// versions says what runs and what the templates are of.
func (f *templateFailure) versions() []string {
	var told []string
	if v := f.plane.Version(); v != "" {
		told = append(told, "istiod runs version "+v)
	}
	if m := f.plane.Injector; m != nil && m.Labels["app.kubernetes.io/version"] != "" {
		told = append(told, fmt.Sprintf("ConfigMap %s/%s was installed with version %s", m.Namespace, m.Name, m.Labels["app.kubernetes.io/version"]))
	}
	return told
}
