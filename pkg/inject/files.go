package inject

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	meshapi "istio.io/api/mesh/v1alpha1"
	istio "istio.io/istio/pkg/kube/inject"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Files are the texts of settings that people keep in files, as istioctl
// kube-inject takes them. Each may be what stands under a key of a ConfigMap,
// the data of that ConfigMap, or a manifest that holds the ConfigMap, and be
// YAML or JSON.
type Files struct {
	Config   []byte // key config of ConfigMap istio-sidecar-injector, or nothing but the template of the sidecar
	Mesh     []byte // key mesh of ConfigMap istio; empty where Config's manifest holds it
	Values   []byte // key values of ConfigMap istio-sidecar-injector; empty where Config's manifest holds it
	Revision string // empty is what the values say
}

// FromFiles returns the settings that files say. An error is one line that
// tells which text is of the wrong sort, and which was expected.
//
// What files cannot say is as in a fresh installation: the webhook's path, and
// native sidecars unless the values' pilot.env sets them, or their tag is that
// of a release before 1.28. A configuration without a policy injects, as in
// istioctl.
func FromFiles(f Files) (Settings, error) {
	config, err := injectorConfig(f.Config)
	if err != nil {
		return Settings{}, fmt.Errorf("injection configuration: %w", err)
	}
	meshConfig, err := besides(f.Mesh, f.Config, "mesh", "istio", isMeshConfig)
	if err != nil {
		return Settings{}, fmt.Errorf("mesh configuration: %w", err)
	}
	values, err := besides(f.Values, f.Config, "values", "istio-sidecar-injector", isValues)
	if err != nil {
		return Settings{}, fmt.Errorf("injection values: %w", err)
	}
	s := Settings{Config: config, Values: values, MeshConfig: meshConfig, NativeSidecars: "auto"}
	return s, valuesSay(&s, f.Revision)
}

// valuesSay fills in what the values tell of istiod.
func valuesSay(s *Settings, revision string) error {
	var v struct {
		Revision string
		Global   struct{ Tag any }
		Pilot    struct{ Env map[string]any }
	}
	if err := yaml.Unmarshal([]byte(s.Values), &v); err != nil {
		return fmt.Errorf("injection values: %s", reason(err))
	}
	s.Revision = cmp.Or(revision, v.Revision, "default")
	if m := minor(fmt.Sprint(v.Global.Tag)); m >= 0 && m < 28 {
		s.NativeSidecars = "false"
	}
	if set, ok := v.Pilot.Env["ENABLE_NATIVE_SIDECARS"]; ok {
		s.NativeSidecars = fmt.Sprint(set)
	}
	return nil
}

// injectorConfig is the text of an istio.Config. Istioctl takes the template
// of the sidecar alone, too (istio.io/istio 1.29.1,
// istioctl/pkg/kubeinject/kubeinject.go: readInjectConfigFile).
func injectorConfig(text []byte) (string, error) {
	c := map[string]any{"templates": map[string]any{istio.SidecarTemplateName: string(text)}}
	if !isPodTemplate(text) {
		found, err := content(text, "config", "istio-sidecar-injector", hasTemplates)
		if err != nil {
			return "", err
		}
		if err := yaml.Unmarshal([]byte(found), &c); err != nil {
			return "", errors.New(reason(err))
		}
		if c["policy"] != nil {
			return found, nil
		}
	}
	c["policy"] = string(istio.InjectionPolicyEnabled)
	out, err := yaml.Marshal(c)
	return string(out), err
}

// besides is the content of a text, or, where there is no text, of another
// one that holds ConfigMaps.
func besides(text, other []byte, key, name string, fits func(map[string]any) bool) (string, error) {
	if len(bytes.TrimSpace(text)) > 0 {
		return content(text, key, name, fits)
	}
	found, err := content(other, key, name, func(map[string]any) bool { return false })
	if err != nil {
		return "", fmt.Errorf("none given: expected key %s of ConfigMap %s", key, name)
	}
	return found, nil
}

// content is what a ConfigMap has under a key: out of manifests, out of the
// data of a ConfigMap, or the whole text, where that fits.
func content(text []byte, key, name string, fits func(map[string]any) bool) (string, error) {
	expected := fmt.Sprintf("expected key %s of ConfigMap %s", key, name)
	objects, err := objectsIn(text)
	if err != nil {
		return "", fmt.Errorf("%s, got neither YAML nor JSON: %s", expected, reason(err))
	}
	var found, others []string
	for _, o := range objects {
		kind, _ := o["kind"].(string)
		data := o
		if kind == "ConfigMap" {
			data, _ = o["data"].(map[string]any)
		}
		value, ok := data[key].(string)
		switch {
		case ok && (kind == "" || kind == "ConfigMap"):
			found = append(found, value)
		case kind == "" && len(objects) == 1 && fits(o):
			return string(text), nil
		default:
			others = append(others, describe(o))
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fmt.Errorf("%s, got %d of them: leave one", expected, len(found))
	case len(others) > 0:
		return "", fmt.Errorf("%s, got %s", expected, strings.Join(others, ", "))
	}
	return "", fmt.Errorf("%s, got nothing", expected)
}

// objectsIn parses the objects of a text, those of lists one by one.
func objectsIn(text []byte) ([]map[string]any, error) {
	var objects []map[string]any
	for r := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		raw, err := r.Read()
		if err == io.EOF {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var o any
		if err := yaml.Unmarshal(raw, &o); err != nil {
			return nil, err
		}
		switch m, isMap := o.(map[string]any); {
		case isMap:
			objects = append(objects, items(m)...)
		case o != nil:
			return nil, errors.New("it has no fields")
		}
	}
}

func items(o map[string]any) []map[string]any {
	list, ok := o["items"].([]any)
	if kind, _ := o["kind"].(string); !ok || !strings.HasSuffix(kind, "List") {
		return []map[string]any{o}
	}
	var objects []map[string]any
	for _, i := range list {
		if m, ok := i.(map[string]any); ok {
			objects = append(objects, m)
		}
	}
	return objects
}

// describe names an object of the wrong sort.
func describe(o map[string]any) string {
	kind, _ := o["kind"].(string)
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	switch {
	case kind != "" && name != "":
		return kind + " " + name
	case kind != "":
		return "a " + kind
	case hasTemplates(o):
		return "the injector's configuration"
	case isValues(o):
		return "the values of an installation"
	case isMeshConfig(o):
		return "a mesh configuration"
	}
	return "something else"
}

func hasTemplates(o map[string]any) bool {
	t, ok := o["templates"].(map[string]any)
	return ok && len(t) > 0
}

func isValues(o map[string]any) bool {
	_, ok := o["global"].(map[string]any)
	return ok
}

// isMeshConfig reports whether a field of MeshConfig is set; an empty one is
// one too.
func isMeshConfig(o map[string]any) bool {
	fields := (&meshapi.MeshConfig{}).ProtoReflect().Descriptor().Fields()
	for key := range o {
		if fields.ByJSONName(key) != nil || fields.ByTextName(key) != nil {
			return true
		}
	}
	return len(o) == 0
}

// isPodTemplate tells the template of the sidecar, which is YAML just when it
// has been run, from a file of another sort.
func isPodTemplate(text []byte) bool {
	field := func(name string) bool { return regexp.MustCompile(`(?m)^` + name + `:`).Match(text) }
	return field("spec") && !field("kind") && !field("templates")
}
