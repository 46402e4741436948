package inject

import (
	"errors"
	"fmt"
	"strings"

	"istio.io/istio/operator/pkg/manifest"
	"istio.io/istio/operator/pkg/render"
	"istio.io/istio/pkg/version"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// BuiltinOptions says how Istio would be installed, in istioctl's terms. The
// zero value is an installation without any settings.
type BuiltinOptions struct {
	Set      []string // path=value, as istioctl's --set: "profile=demo", "values.global.proxy.logLevel=debug"
	Files    []string // paths of IstioOperator files, as istioctl's -f; Set is stronger
	Revision string   // stronger than Set and Files; empty is what they say, "default" is none
}

// Builtin returns the settings that a fresh installation of IstioVersion
// would have, rendered from the charts that are linked in, for a Kubernetes of
// which nothing is known. It reads Files, if any, and nothing else. Images are
// the release's unless Set or Files name another hub or tag.
//
// An error is one line and names the option that is at fault.
//
// It sets the process-wide version.DockerInfo to the release, as the release's
// build does: charts and profiles in the Go module name a hub for tests.
func Builtin(o BuiltinOptions) (Settings, error) {
	flags, err := setFlags(o)
	if err != nil {
		return Settings{}, err
	}
	if version.DockerInfo.Tag != IstioVersion {
		version.DockerInfo.Hub, version.DockerInfo.Tag = "docker.io/istio", IstioVersion
	}
	cp, err := install(o.Files, flags)
	if err != nil {
		return Settings{}, blame(o.Files, flags, err)
	}
	return For(&mesh.Snapshot{}, cp)
}

// setFlags checks what istioctl takes without a word and drops.
func setFlags(o BuiltinOptions) ([]string, error) {
	flags := make([]string, 0, len(o.Set)+2)
	for _, s := range o.Set {
		path, value, found := strings.Cut(s, "=")
		switch {
		case !found || strings.TrimSpace(path) == "":
			return nil, fmt.Errorf("setting %q is not of the form path=value, like values.global.proxy.logLevel=debug", s)
		case strings.Contains(value, "="):
			return nil, fmt.Errorf("setting %q has a second =, which Istio does not take in a value: give it in an IstioOperator file", s)
		case strings.TrimSpace(path) == "installPackagePath":
			return nil, fmt.Errorf("setting %s: %w", strings.TrimSpace(s), errOtherCharts)
		}
		flags = append(flags, s)
	}
	for _, f := range o.Files {
		if f == "-" {
			return nil, errors.New("an IstioOperator cannot be read from standard input: name a file")
		}
	}
	if o.Revision != "" && o.Revision != "default" {
		flags = append(flags, "revision="+o.Revision, "values.revision="+o.Revision)
	}
	return flags, nil
}

var errOtherCharts = errors.New("only the charts of Istio " + IstioVersion + " are there")

// install renders what decides about injection in an installation.
func install(files, flags []string) (cp *mesh.ControlPlane, err error) {
	// Istio's code panics where a path leads through a value that has no fields.
	defer func() {
		if r := recover(); r != nil {
			cp, err = nil, fmt.Errorf("%v", r)
		}
	}()
	merged, err := render.MergeInputs(files, flags, nil)
	if err != nil {
		return nil, err
	}
	if path := merged.GetPathString("spec.installPackagePath"); path != "" {
		return nil, fmt.Errorf("installPackagePath %s: %w", path, errOtherCharts)
	}
	// The base chart says nothing about injection, and its CRDs take ten times as long as the rest.
	flags = append(flags[:len(flags):len(flags)], "components.base.enabled=false")
	sets, _, err := render.GenerateManifest(files, flags, false, nil, nil)
	if err != nil {
		return nil, err
	}
	return rendered(sets)
}

// blame finds the first flag with which an installation fails as it does with
// all of them; where it fails so without any, it is the files.
func blame(files, flags []string, all error) error {
	why := reason(all)
	for i := 0; i <= len(flags); i++ {
		_, err := install(files, flags[:i])
		switch {
		case err == nil || reason(err) != why:
		case i == 0:
			return fmt.Errorf("IstioOperator %s: %s", strings.Join(files, ", "), why)
		default:
			return fmt.Errorf("setting %s: %s", strings.TrimSpace(flags[i-1]), why)
		}
	}
	return errors.New(why)
}

// reason makes one line of an error of Istio's, without the steps on which it
// was met.
func reason(err error) string {
	m := strings.Join(strings.Fields(err.Error()), " ")
	for _, step := range []string{
		"merge inputs: ", "helm render: ", "render chart: ", "could not unmarshal: ", "error unmarshaling JSON: ",
		"while decoding JSON: ", "error converting YAML to JSON: ", "json: ", "failed to convert to proto. ",
	} {
		m = strings.ReplaceAll(m, step, "")
	}
	if half := (len(m) - 2) / 2; half > 0 && m[:half]+", "+m[:half] == m {
		return m[:half]
	}
	return m
}

// rendered picks what decides about injection out of an installation.
func rendered(sets []manifest.ManifestSet) (*mesh.ControlPlane, error) {
	cp := &mesh.ControlPlane{}
	for _, set := range sets {
		for _, m := range set.Manifests {
			if err := pick(cp, m); err != nil {
				return nil, fmt.Errorf("decode %s %s of the charts: %w", m.GetKind(), m.GetName(), err)
			}
		}
	}
	if cp.Injector == nil || cp.Mesh == nil {
		return nil, errors.New("no control plane that injects is then installed")
	}
	cp.Revision, cp.Namespace = cp.Injector.Labels[mesh.RevisionLabel], cp.Injector.Namespace
	return cp, nil
}

func pick(cp *mesh.ControlPlane, m manifest.Manifest) error {
	switch m.GetKind() {
	case "ConfigMap":
		c := &core.ConfigMap{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m.Object, c); err != nil {
			return err
		}
		if c.Data["config"] != "" && c.Data["values"] != "" {
			cp.Injector = c
		}
		if c.Data["mesh"] != "" {
			cp.Mesh = c
		}
	case "Deployment":
		d := &apps.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m.Object, d); err != nil {
			return err
		}
		if d.Labels["app"] == "istiod" {
			cp.Deployment = d
		}
	case "MutatingWebhookConfiguration":
		w := &admissionv1.MutatingWebhookConfiguration{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m.Object, w); err != nil {
			return err
		}
		cp.Webhooks = append(cp.Webhooks, w)
	}
	return nil
}
