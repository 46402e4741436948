package inject

import (
	"fmt"
	"maps"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Uninject takes the sidecar out of the pod templates of an object. What
// istiod recorded comes back as it was; what it does not record (labels and
// annotations that the user may have had, named ports of probes) is taken out
// or left by the rules of takeGuessed, and told in the notes of the outcome.
// The object stays as it is; the result shares what did not change with it.
func Uninject(obj map[string]any, namespace string) (map[string]any, []Outcome) {
	ref := refOf(obj, namespace)
	var outcomes []Outcome
	result := obj
	for _, p := range places(obj) {
		o := Outcome{Workload: ref, Path: p.String(), Status: Skipped, Code: "not-injected", Message: "nothing was injected into it"}
		own := p.get(obj).(map[string]any)
		bare, sidecar, ok := strip(own)
		if ok {
			o.Status, o.Code, o.Message = Removed, "", ""
			bare, o.Notes = takeGuessed(bare, own, sidecar)
			result = p.with(result, bare)
		}
		outcomes = append(outcomes, o)
	}
	return result, outcomes
}

// takeGuessed takes out what Istio's default templates add without recording
// it, where it has the value that they give it
// (istio.io/istio 1.29.1, manifests/charts/istio-control/istio-discovery/files/injection-template.yaml;
// Prometheus: pkg/kube/inject/webhook.go, applyPrometheusMerge). The user may
// have written the same, so that each is told.
func takeGuessed(bare, own, sidecar map[string]any) (map[string]any, []string) {
	meta, _ := bare["metadata"].(map[string]any)
	meta = maps.Clone(meta)
	if meta == nil {
		meta = map[string]any{}
	}
	var taken []string
	take := func(from map[string]any, key, value string) {
		if v, ok := from[key]; ok && text(v) == value {
			delete(from, key)
			taken = append(taken, fmt.Sprintf("%s=%q", key, value))
		}
	}
	variables := variablesOf(sidecar)
	labels := cloned(meta["labels"])
	take(labels, "security.istio.io/tlsMode", "istio")
	take(labels, "networking.istio.io/tunnel", "http")
	take(labels, "service.istio.io/canonical-name", canonicalName(labels, variables))
	take(labels, "service.istio.io/canonical-revision", canonicalRevision(labels))
	if network := variables["ISTIO_META_NETWORK"]; network != "" {
		take(labels, "topology.istio.io/network", network)
	}
	notes := takenNote(nil, "labels", taken)
	taken = nil
	annotations := cloned(meta["annotations"])
	take(annotations, mesh.RevisionLabel, text(annotations[mesh.RevisionLabel]))
	first := firstContainer(bare)
	take(annotations, "kubectl.kubernetes.io/default-container", first)
	take(annotations, "kubectl.kubernetes.io/default-logs-container", first)
	if text(annotations["prometheus.io/path"]) == "/stats/prometheus" {
		take(annotations, "prometheus.io/path", "/stats/prometheus")
		take(annotations, "prometheus.io/port", text(annotations["prometheus.io/port"]))
		take(annotations, "prometheus.io/scrape", "true")
	}
	notes = takenNote(notes, "annotations", taken)
	setOrDelete(meta, "labels", labels)
	setOrDelete(meta, "annotations", annotations)
	out := maps.Clone(bare)
	setOrDelete(out, "metadata", meta)
	if number(place{"spec", "securityContext", "fsGroup"}.get(own)) == 1337 {
		notes = append(notes, "spec.securityContext.fsGroup is 1337, which older releases of Istio added; it was left")
	}
	if ports := probedByNumber(bare, variables[probersVariable]); len(ports) > 0 {
		notes = append(notes, "probes and hooks have the numbers of their ports, where names may have stood: "+strings.Join(ports, ", "))
	}
	return out, notes
}

func takenNote(notes []string, what string, taken []string) []string {
	if len(taken) == 0 {
		return notes
	}
	return append(notes, fmt.Sprintf("%s taken out though nothing records who wrote them; put back what was yours: %s", what, strings.Join(taken, ", ")))
}

// probedByNumber names the ports that recorded probes have by number and their
// containers by name too.
func probedByNumber(template map[string]any, recorded string) []string {
	var names []string
	list, _ := place{"spec", "containers"}.get(template).([]any)
	for _, item := range list {
		c, _ := item.(map[string]any)
		ports, _ := c["ports"].([]any)
		for _, p := range ports {
			port, _ := p.(map[string]any)
			if name := nameOf(port); name != "" && strings.Contains(recorded, fmt.Sprintf(`"port":%v`, port["containerPort"])) {
				names = append(names, fmt.Sprintf("%v is %s", port["containerPort"], name))
			}
		}
	}
	return names
}

func cloned(v any) map[string]any {
	m, _ := v.(map[string]any)
	if m == nil {
		return map[string]any{}
	}
	return maps.Clone(m)
}

// canonicalName is what the template makes of the other labels, or else of the
// workload's name, which the sidecar was told.
func canonicalName(labels map[string]any, variables map[string]string) string {
	name := longName(labels, variables)
	return strings.TrimSuffix(name[:min(len(name), 63)], "-")
}

func longName(labels map[string]any, variables map[string]string) string {
	for _, key := range []string{"app.kubernetes.io/name", "app"} {
		if v := text(labels[key]); v != "" {
			return v
		}
	}
	return variables["ISTIO_META_WORKLOAD_NAME"]
}

func canonicalRevision(labels map[string]any) string {
	for _, key := range []string{"app.kubernetes.io/version", "version"} {
		if v := text(labels[key]); v != "" {
			return v
		}
	}
	return "latest"
}

func firstContainer(template map[string]any) string {
	list, _ := place{"spec", "containers"}.get(template).([]any)
	if len(list) == 0 {
		return ""
	}
	return nameOf(list[0])
}

func number(v any) int64 {
	n, _ := v.(int64)
	return n
}
