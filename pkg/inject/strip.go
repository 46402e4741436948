package inject

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	istio "istio.io/istio/pkg/kube/inject"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The annotations and variables in which istiod records what it changed
// (istio.io/istio 1.29.1, pkg/kube/inject/webhook.go, pkg/kube/inject/app_probe.go).
const (
	overridesAnnotation = "proxy.istio.io/overrides"
	probersVariable     = "ISTIO_KUBE_APP_PROBERS"
	scrapeVariable      = "ISTIO_PROMETHEUS_ANNOTATIONS"
)

// injected is the status annotation: the names of what was added.
type injected struct {
	InitContainers   []string `json:"initContainers"`
	Containers       []string `json:"containers"`
	Volumes          []string `json:"volumes"`
	ImagePullSecrets []string `json:"imagePullSecrets"`
	Revision         string   `json:"revision"`
}

// overrides are the containers that the user wrote and istiod changed.
type overrides struct {
	Containers     []any `json:"containers"`
	InitContainers []any `json:"initContainers"`
}

// strip takes out of a pod template what its status annotation says was
// injected, and puts back what istiod recorded that it changed: containers of
// the user's under a name of istiod's, probes, lifecycle handlers and
// Prometheus annotations. What istiod does not record (labels, the other
// annotations) stays. It returns the sidecar that was taken out; ok is false,
// and the template as it was, for one that nothing injected.
//
// A named port of a probe comes back as its number, which is all that istiod
// records.
func strip(template map[string]any) (bare, sidecar map[string]any, ok bool) {
	meta, _ := template["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	var added injected
	if err := json.Unmarshal([]byte(text(annotations[mesh.StatusAnnotation])), &added); err != nil {
		return template, nil, false
	}
	var kept overrides
	_ = json.Unmarshal([]byte(text(annotations[overridesAnnotation])), &kept) // what is not there, or not istiod's, changes nothing
	spec, some := template["spec"].(map[string]any)
	if !some {
		return template, nil, false
	}
	spec = maps.Clone(spec)
	sidecar = proxyOf(spec)
	variables := variablesOf(sidecar)

	without(spec, "containers", added.Containers, kept.Containers)
	without(spec, "initContainers", added.InitContainers, slices.DeleteFunc(slices.Clone(kept.InitContainers), classic))
	without(spec, "volumes", added.Volumes, nil)
	without(spec, "imagePullSecrets", added.ImagePullSecrets, nil)
	bringBack(spec, kept.InitContainers, sidecar)
	restoreProbes(spec, variables[probersVariable])

	annotations = maps.Clone(annotations)
	delete(annotations, mesh.StatusAnnotation)
	delete(annotations, overridesAnnotation)
	restoreScrape(annotations, variables[scrapeVariable])
	meta = maps.Clone(meta)
	setOrDelete(meta, "annotations", annotations)
	bare = maps.Clone(template)
	bare["metadata"], bare["spec"] = meta, spec
	return bare, sidecar, true
}

// without takes named items out of a list of a spec; where the user had one of
// that name, it stands there again.
func without(spec map[string]any, key string, names []string, users []any) {
	list, ok := spec[key].([]any)
	if !ok {
		return
	}
	kept := make([]any, 0, len(list))
	for _, item := range list {
		name := nameOf(item)
		if !slices.Contains(names, name) {
			kept = append(kept, item)
			continue
		}
		if at := slices.IndexFunc(users, func(u any) bool { return nameOf(u) == name }); at >= 0 {
			kept = append(kept, original(users[at], item))
		}
	}
	if len(kept) == 0 {
		delete(spec, key)
		return
	}
	spec[key] = kept
}

// classic reports whether a recorded init container was written as an ordinary
// one: istiod makes its native sidecar of it.
func classic(container any) bool {
	m, _ := container.(map[string]any)
	return nameOf(m) == mesh.ProxyContainer && m["restartPolicy"] == nil
}

// bringBack puts what istiod made a native sidecar of back among the ordinary
// containers, at their end: where it stood is not recorded.
func bringBack(spec map[string]any, recorded []any, sidecar map[string]any) {
	at := slices.IndexFunc(recorded, classic)
	if at < 0 {
		return
	}
	list, _ := spec["containers"].([]any)
	spec["containers"] = append(slices.Clip(list), original(recorded[at], sidecar))
}

// original is a container as the user wrote it, of what istiod recorded.
func original(recorded, now any) any {
	c, ok := written(whole(recorded), now).(map[string]any)
	if !ok {
		return recorded
	}
	// istiod does not record "auto"; a policy that no image at all has by default
	// tells that none was written.
	policy, _ := recorded.(map[string]any)["imagePullPolicy"].(string)
	unnamed := c["imagePullPolicy"] == nil && policy == string(core.PullIfNotPresent)
	if c["image"] == nil && !unnamed {
		c["image"] = istio.AutoImage
		if c["imagePullPolicy"] == "Always" {
			delete(c, "imagePullPolicy") // the default of an image without a tag
		}
	}
	if r, ok := c["resources"].(map[string]any); ok && len(r) == 0 {
		delete(c, "resources")
	}
	for key, value := range map[string]any{"terminationMessagePath": core.TerminationMessagePathDefault, "terminationMessagePolicy": string(core.TerminationMessageReadFile)} {
		if c[key] == value {
			delete(c, key)
		}
	}
	return c
}

// written is what the user wrote of a recorded value, which has the API
// server's defaults too: what is not in the text now was never there, since
// injection takes nothing away.
func written(recorded, now any) any {
	switch r := recorded.(type) {
	case map[string]any:
		n, ok := now.(map[string]any)
		if !ok {
			return r
		}
		out := make(map[string]any, len(r))
		for key, v := range r {
			if there, ok := n[key]; ok {
				out[key] = written(v, there)
			}
		}
		return out
	case []any:
		n, ok := now.([]any)
		if !ok {
			return r
		}
		out := make([]any, len(r))
		used := make([]bool, len(n))
		for i, v := range r {
			out[i] = v
			if at := partner(n, used, v); at >= 0 {
				used[at] = true
				out[i] = written(v, n[at])
			}
		}
		return out
	}
	return recorded
}

func nameOf(item any) string {
	m, _ := item.(map[string]any)
	return text(m["name"])
}

func setOrDelete(m map[string]any, key string, value map[string]any) {
	if len(value) == 0 {
		delete(m, key)
		return
	}
	m[key] = value
}

// proxyOf is the proxy's container in a spec; nil for none.
func proxyOf(spec map[string]any) map[string]any {
	for _, key := range []string{"containers", "initContainers"} {
		list, _ := spec[key].([]any)
		for _, item := range list {
			if c, ok := item.(map[string]any); ok && nameOf(c) == mesh.ProxyContainer {
				return c
			}
		}
	}
	return nil
}

func variablesOf(container map[string]any) map[string]string {
	values := map[string]string{}
	env, _ := container["env"].([]any)
	for _, item := range env {
		if m, ok := item.(map[string]any); ok {
			values[nameOf(m)] = text(m["value"])
		}
	}
	return values
}

// restoreScrape puts the user's Prometheus annotations back in place of those
// that lead to the proxy.
func restoreScrape(annotations map[string]any, recorded string) {
	const prefix = "prometheus.io/"
	if recorded == "" {
		return
	}
	var users map[string]string
	if err := json.Unmarshal([]byte(recorded), &users); err != nil {
		return
	}
	for _, name := range []string{"scrape", "path", "port"} {
		delete(annotations, prefix+name)
		if v := users[name]; v != "" {
			annotations[prefix+name] = v
		}
	}
}

// restoreProbes puts the handlers back that the proxy answers for.
func restoreProbes(spec map[string]any, recorded string) {
	var handlers map[string]map[string]any
	if err := json.Unmarshal([]byte(recorded), &handlers); err != nil {
		return
	}
	for _, key := range []string{"containers", "initContainers"} {
		list, ok := spec[key].([]any)
		if !ok {
			continue
		}
		list = slices.Clone(list)
		for i, item := range list {
			if c, ok := item.(map[string]any); ok {
				list[i] = withProbes(c, handlers)
			}
		}
		spec[key] = list
	}
}

func withProbes(container map[string]any, handlers map[string]map[string]any) map[string]any {
	at := "/app-health/" + nameOf(container) + "/"
	life := "/app-lifecycle/" + nameOf(container) + "/"
	out := container
	for _, p := range []struct {
		path place
		url  string
	}{
		{place{"readinessProbe"}, at + "readyz"}, {place{"livenessProbe"}, at + "livez"}, {place{"startupProbe"}, at + "startupz"},
		{place{"lifecycle", "preStop"}, life + "prestopz"}, {place{"lifecycle", "postStart"}, life + "poststartz"},
	} {
		probe, ok := p.path.get(out).(map[string]any)
		handler := handlers[p.url]
		if !ok || handler == nil || !strings.HasPrefix(text(place{"httpGet", "path"}.get(probe)), p.url) {
			continue
		}
		out = p.path.with(out, withHandler(probe, handler))
	}
	return out
}

func withHandler(probe, handler map[string]any) map[string]any {
	rewritten, _ := probe["httpGet"].(map[string]any)
	probe = maps.Clone(probe)
	delete(probe, "httpGet")
	for _, kind := range []string{"tcpSocket", "grpc"} {
		if h, ok := handler[kind].(map[string]any); ok {
			probe[kind] = whole(h)
			return probe
		}
	}
	get := cloned(whole(handler["httpGet"]))
	if _, there := rewritten["scheme"]; !there && get["scheme"] == "HTTP" {
		delete(get, "scheme") // a default that the record spells out and the file does not
	}
	for key, v := range rewritten {
		if !slices.Contains([]string{"path", "port", "host", "scheme", "httpHeaders"}, key) {
			get[key] = v // a field that istiod does not know stayed where it was
		}
	}
	probe["httpGet"] = get
	return probe
}

// whole makes whole numbers of a decoded JSON value int64, as they are in
// objects.
func whole(v any) any {
	switch v := v.(type) {
	case float64:
		if i := int64(v); float64(i) == v {
			return i
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = whole(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = whole(v[key])
		}
		return out
	}
	return v
}
