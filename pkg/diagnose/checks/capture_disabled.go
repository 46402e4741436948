package checks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func captureDisabled() diagnose.Check {
	return diagnose.Check{
		Name: "capture-disabled",
		Area: diagnose.DataPlane,
		Doc: `A pod has a sidecar that is told to take no traffic, or not all of it

A sidecar can be there and do nothing: annotations decide which traffic it takes, and so do global.proxy.includeIPRanges and includeInboundPorts of the installation. With interceptionMode NONE no traffic is redirected at all (the application has to talk to the proxy itself); an empty includeOutboundIPRanges takes no outgoing, an empty includeInboundPorts no incoming traffic; DISABLE_ENVOY starts the agent without Envoy. What is not taken has no mTLS, no routing and no telemetry.

It is found in the annotations of pod templates that are injected (info: somebody's choice; a warning where the sidecar is left with nothing to do) and in ConfigMap istio-sidecar-injector, where it holds for every workload (a warning).

To fix it, take the annotation off the pod template, as the command printed does (whoever deploys the workload can), or set the value of the installation back to "*" (whoever installs Istio can).`,
		Severity: diagnose.Warning,
		Needs:    append(nextPodNeeds(), mesh.Pods),
		Wants:    append(diagnose.WorkloadKinds(), mesh.ConfigMaps),
		Run:      runCaptureDisabled,
	}
}

func runCaptureDisabled(p *diagnose.Pass) []diagnose.Finding {
	found := captureOff(p)
	for _, w := range p.Workloads {
		if !tuned(w) && !withoutEnvoy(&w.Template.Spec) || !meshed(p, w) || len(appContainers(&w.Template.Spec)) == 0 ||
			w.Template.Annotations[templatesAnnotation] != "" {
			continue
		}
		c := captureOf(w)
		if len(c.reasons) == 0 {
			continue
		}
		f := diagnose.Finding{
			Severity: diagnose.Info,
			Message:  fmt.Sprintf("%s has a sidecar that takes %s", w.Ref, c.leaves()),
			Object:   w.Ref,
			Field:    inTemplate(w, "metadata.annotations["+c.first+"]"),
			Evidence: c.reasons,
			Affects:  []mesh.Ref{w.Ref},
			Fix:      edit{podNotes: c.undo}.templateSteps(p, w),
		}
		if c.odd {
			f.Severity = diagnose.Warning
		}
		if c.unsure {
			f.Fix = []diagnose.Step{{Kind: diagnose.StepManual, Say: "take DISABLE_ENVOY out of proxyMetadata in the annotation proxy.istio.io/config on the pod template of " + w.Ref.String() + "; whoever deploys it can"}}
		}
		if len(f.Fix) == 0 {
			f.Field = inTemplate(w, "spec.containers["+mesh.ProxyContainer+"].env")
			f.Fix = []diagnose.Step{{Kind: diagnose.StepManual, Say: "take the variable DISABLE_ENVOY off the container " + mesh.ProxyContainer + " of " + w.Ref.String() + "; whoever deploys it can"}}
		}
		found = append(found, f)
	}
	return found
}

// capture is what a template takes away from its sidecar.
type capture struct {
	in, out, envoy bool // no incoming, no outgoing traffic; no Envoy
	odd            bool // nobody can have meant it
	reasons        []string
	first          string
	undo           map[string]string
	unsure         bool // undo is not safe to write
}

func captureOf(w *mesh.Workload) *capture {
	c := &capture{undo: map[string]string{}}
	for _, name := range []string{
		"sidecar.istio.io/interceptionMode",
		"traffic.sidecar.istio.io/includeInboundPorts", "traffic.sidecar.istio.io/includeOutboundIPRanges",
		"traffic.sidecar.istio.io/excludeOutboundIPRanges", "proxy.istio.io/config",
	} {
		value, ok := w.Template.Annotations[name]
		if !ok {
			continue
		}
		before := *c
		switch {
		case name == "sidecar.istio.io/interceptionMode" && value == "NONE":
			c.in, c.out = true, true
		case strings.HasSuffix(name, "/includeInboundPorts") && strings.TrimSpace(value) == "":
			c.in = true
		case strings.HasSuffix(name, "/includeOutboundIPRanges") && strings.TrimSpace(value) == "":
			// excluded ports and ranges that are included by port do not change that
			c.out = w.Template.Annotations["traffic.sidecar.istio.io/includeOutboundPorts"] == ""
		case strings.HasSuffix(name, "/excludeOutboundIPRanges") && slices.Contains(strings.Split(value, ","), "0.0.0.0/0"):
			c.out = true
		case name == "proxy.istio.io/config":
			c.envoy = disablesEnvoy(value)
		}
		if before.in == c.in && before.out == c.out && before.envoy == c.envoy {
			continue
		}
		c.reasons = append(c.reasons, fmt.Sprintf("annotation %s: %q", name, value))
		c.undo[name] = drop
		if name == "proxy.istio.io/config" {
			if c.undo[name] = withEnvoy(value); strings.Contains(c.undo[name], `""`) {
				c.unsure = true // a value that was read without what it says must not be written
			}
		}
		if c.first == "" {
			c.first = name
		}
	}
	if withoutEnvoy(&w.Template.Spec) {
		c.envoy = true
		c.reasons = append(c.reasons, "container "+mesh.ProxyContainer+" has DISABLE_ENVOY=true")
	}
	c.odd = c.envoy || c.in && c.out && w.Template.Annotations["sidecar.istio.io/interceptionMode"] != "NONE"
	return c
}

// leaves says what is left of the sidecar.
func (c *capture) leaves() string {
	switch {
	case c.envoy:
		return "no traffic: Envoy is not started"
	case c.in && c.out:
		return "no traffic"
	case c.in:
		return "no incoming traffic"
	}
	return "no outgoing traffic"
}

// disablesEnvoy reads proxyMetadata.DISABLE_ENVOY of a proxy configuration.
func disablesEnvoy(config string) bool {
	var c struct {
		ProxyMetadata map[string]string `json:"proxyMetadata"`
	}
	return yaml.Unmarshal([]byte(config), &c) == nil && c.ProxyMetadata["DISABLE_ENVOY"] == "true"
}

// withEnvoy is a proxy configuration without DISABLE_ENVOY; drop when nothing
// is left of it.
func withEnvoy(config string) string {
	var c map[string]any
	if yaml.Unmarshal([]byte(config), &c) != nil {
		return drop
	}
	if metadata, ok := c["proxyMetadata"].(map[string]any); ok {
		delete(metadata, "DISABLE_ENVOY")
		if len(metadata) == 0 {
			delete(c, "proxyMetadata")
		}
	}
	text, err := json.Marshal(c)
	if err != nil || len(c) == 0 {
		return drop
	}
	return string(text)
}

func withoutEnvoy(spec *core.PodSpec) bool {
	c := mesh.Proxy(spec)
	return c != nil && slices.ContainsFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "DISABLE_ENVOY" && e.Value == "true" })
}

// captureOff finds control planes that are installed so that no sidecar takes
// traffic of one direction.
func captureOff(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, cp := range p.ControlPlanes {
		if cp.Injector == nil {
			continue
		}
		var values struct {
			Global struct {
				Proxy map[string]any `json:"proxy"`
			} `json:"global"`
		}
		if yaml.Unmarshal([]byte(cp.Injector.Data["values"]), &values) != nil {
			continue
		}
		for _, v := range []struct{ key, what string }{{"includeIPRanges", "outgoing"}, {"includeInboundPorts", "incoming"}} {
			value, set := values.Global.Proxy[v.key].(string)
			if !set || value != "" || v.key == "includeIPRanges" && values.Global.Proxy["includeOutboundPorts"] != "" && values.Global.Proxy["includeOutboundPorts"] != nil {
				continue
			}
			var refs []mesh.Ref
			for _, w := range p.Workloads {
				if injectedBy(p, w, cp) {
					refs = append(refs, w.Ref)
				}
			}
			object := mesh.RefTo(mesh.ConfigMaps, cp.Injector.Namespace, cp.Injector.Name)
			found = append(found, diagnose.Finding{
				ID:       "capture-disabled/ConfigMap/" + object.Namespace + "/" + object.Name + "/" + v.key,
				Message:  fmt.Sprintf("revision %s is installed so that sidecars take no %s traffic: global.proxy.%s is empty", cp.Revision, v.what, v.key),
				Object:   object,
				Field:    "data.values (global.proxy." + v.key + ")",
				Evidence: []string{fmt.Sprintf("global.proxy.%s: %q", v.key, value)},
				Affects:  refs,
				Fix: append([]diagnose.Step{{
					Kind: diagnose.StepManual,
					Say:  fmt.Sprintf(`set global.proxy.%s to "*" (or to what sidecars shall take) in the values of revision %s and install again; whoever installs Istio can`, v.key, cp.Revision),
				}}, restarts(refs)...),
			})
		}
	}
	return found
}
