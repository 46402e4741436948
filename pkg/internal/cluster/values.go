package cluster

import (
	"encoding/json"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// annotationValue is what is kept of the value of a kept annotation.
func (r *reducer) annotationValue(name, value string) string {
	switch name {
	case "proxy.istio.io/overrides":
		return overrides(value)
	case "proxy.istio.io/config":
		return r.scrub(value)
	case "k3s.io/node-args":
		return nodeArgs(value)
	}
	return value
}

// dataValue is what is kept of the value of a kept key of a ConfigMap.
func (r *reducer) dataValue(key, value string) string {
	switch key {
	case "mesh", "values":
		return r.scrub(value)
	}
	return value
}

// envValue is what is kept of the value of a kept variable.
func (r *reducer) envValue(container, name, value string) string {
	switch {
	case name == "PROXY_CONFIG" || name == "SHARED_MESH_CONFIG":
		return r.scrub(value)
	case container == apiServerContainer:
		return userInfo.ReplaceAllString(value, "//")
	}
	return value
}

var userInfo = regexp.MustCompile(`//[^/@\s]*@`)

// overrides keeps which containers the pod's author had written themselves
// (istio.io/istio 1.29.1, pkg/kube/inject/webhook.go: podOverrides), by name
// and image.
func overrides(value string) string {
	type container struct {
		Name  string `json:"name"`
		Image string `json:"image,omitempty"`
	}
	var o struct {
		Containers     []container `json:"containers,omitempty"`
		InitContainers []container `json:"initContainers,omitempty"`
	}
	if err := json.Unmarshal([]byte(value), &o); err != nil {
		return "{}"
	}
	out, err := json.Marshal(o)
	if err != nil {
		return "{}"
	}
	return string(out)
}

// unreadable stands for text that is no YAML, and is none itself, so that who
// parses it still fails.
const unreadable = "{ # no valid YAML, left out"

// scrubbedYAML takes secrets out of YAML or JSON. Text without any stays as it
// is, letter by letter.
func scrubbedYAML(text string) string {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return unreadable
	}
	if !scrub(v) {
		return text
	}
	encode := yaml.Marshal
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		encode = json.Marshal
	}
	out, err := encode(v)
	if err != nil {
		return unreadable
	}
	return string(out)
}

// scrub empties the strings whose key says that they are secrets, private
// keys, the values of headers, and environment variables but Istio's own. It
// reports whether there was any.
func scrub(v any) bool {
	changed := false
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			changed = scrub(item) || changed
		}
	case map[string]any:
		for key, item := range v {
			switch {
			case key == "env" || key == "envVars" || key == "proxyMetadata":
				changed = scrubEnv(item) || changed
			case key == "headers":
				changed = scrubHeaders(item) || changed
			default:
				changed = scrub(item) || changed
			}
			s, ok := v[key].(string)
			if ok && s != "" && (secretKey(key) || strings.Contains(s, "PRIVATE KEY-----")) {
				v[key], changed = "", true
			}
		}
	}
	return changed
}

// secretKey is secretName but for the keys that name a Secret, an audience or
// a policy and are no secret themselves.
func secretKey(key string) bool {
	switch {
	case strings.HasSuffix(key, "SecretName"), strings.HasSuffix(key, "Secrets"), strings.HasSuffix(key, "Audience"),
		key == "secretName", key == "aud", key == "credentialName":
		return false
	}
	return secretName(key)
}

func scrubEnv(v any) bool {
	changed := false
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if s, ok := value.(string); ok && s != "" && !istioEnv(name) {
				v[name], changed = "", true
			}
		}
	case []any:
		for _, item := range v {
			e, ok := item.(map[string]any)
			if !ok {
				continue
			}
			name, _ := e["name"].(string)
			if s, ok := e["value"].(string); ok && s != "" && !istioEnv(name) {
				e["value"], changed = "", true
			}
		}
	}
	return changed
}

func scrubHeaders(v any) bool {
	changed := false
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			switch value := value.(type) {
			case string:
				if value != "" {
					v[name], changed = "", true
				}
			default:
				changed = scrubHeaders(value) || changed
			}
		}
	case []any:
		for _, item := range v {
			e, ok := item.(map[string]any)
			if !ok {
				continue
			}
			if s, ok := e["value"].(string); ok && s != "" {
				e["value"], changed = "", true
			}
		}
	}
	return changed
}
