package checks

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// istiodPorts are the ports of istiod's Service in Istio's chart, and the
// names of the container's ports behind them (istio.io/istio 1.29.1,
// manifests/charts/istio-control/istio-discovery/templates/{service,deployment}.yaml).
func istiodPorts() []struct {
	name, container string
	port, target    int32
} {
	return []struct {
		name, container string
		port, target    int32
	}{
		{"grpc-xds", "grpc-xds", 15010, 15010},
		{"https-dns", "tls-xds", 15012, 15012},
		{"https-webhook", "https-webhooks", 443, 15017},
		{"http-monitoring", "http-monitoring", 15014, 15014},
	}
}

// containerPort is the number of a named port of istiod's container, or what
// the chart gives it.
func containerPort(d *apps.Deployment, name string, chart int32) int32 {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, port := range c.Ports {
			if c.Name == "discovery" && port.Name == name {
				return port.ContainerPort
			}
		}
	}
	return chart
}

// serviceFix is the way back to a Service for an istiod that runs: another one
// that stands for it, or a new one.
func serviceFix(p *diagnose.Pass, hooks []injectorHook, cp *mesh.ControlPlane) []diagnose.Step {
	ref := hooks[0].hook().ClientConfig.Service
	own := serviceName(istiodRevision(cp.Deployment))
	if own != ref.Name && hasServicePort(serviceOf(p.Snapshot, cp.Namespace, own), calledPort(ref)) {
		return []diagnose.Step{patchHooks("has the API server call the Service of this istiod", hooks, func(h injectorHook) []patchOp {
			return []patchOp{h.set("clientConfig.service.name", own)}
		})}
	}
	type port struct {
		Name       string `json:"name"`
		Port       int32  `json:"port"`
		TargetPort int32  `json:"targetPort"`
	}
	var ports []port
	for _, ip := range istiodPorts() {
		target := containerPort(cp.Deployment, ip.container, ip.target)
		if ip.name == "https-webhook" {
			target = servedPort(cp.Deployment)
		}
		ports = append(ports, port{ip.name, ip.port, target})
	}
	revision := istiodRevision(cp.Deployment)
	selector := map[string]string{"app": "istiod"}
	if revision == "default" {
		selector["istio"] = "pilot"
	} else {
		selector[mesh.RevisionLabel] = revision
	}
	if !includes(cp.Deployment.Spec.Template.Labels, selector) && cp.Deployment.Spec.Selector != nil {
		selector = cp.Deployment.Spec.Selector.MatchLabels
	}
	manifest := map[string]any{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{
			"name": ref.Name, "namespace": ref.Namespace,
			"labels": map[string]string{"app": "istiod", "istio": "pilot", mesh.RevisionLabel: revision},
		},
		"spec": map[string]any{"selector": selector, "ports": ports},
	}
	return []diagnose.Step{{
		Run:  "kubectl create -f - <<<" + quoted(manifest),
		Say:  "creates the Service as Istio's chart has it; helm upgrade of the istiod chart, or istioctl install with its old options, does the same",
		Kind: diagnose.StepOther,
	}}
}

// portFix is the way to a port that both sides have.
func portFix(p *diagnose.Pass, hooks []injectorHook, svc *core.Service) []diagnose.Step {
	if hasServicePort(svc, 443) {
		return []diagnose.Step{patchHooks("has the API server call the Service's port for webhooks", hooks, func(h injectorHook) []patchOp {
			return []patchOp{h.set("clientConfig.service.port", 443)}
		})}
	}
	ref, target := hooks[0].hook().ClientConfig.Service, int32(15017)
	if cp := answering(p, ref); cp != nil {
		target = servedPort(cp.Deployment)
	}
	ops := []patchOp{{"add", "/spec/ports/-", map[string]any{"name": freeName(svc, "https-webhook"), "port": calledPort(ref), "targetPort": target, "protocol": "TCP"}}}
	say := "gives the Service the port on which istiod serves its webhook"
	if i := slices.IndexFunc(svc.Spec.Ports, func(sp core.ServicePort) bool { return leadsTo(sp, target) }); i >= 0 {
		at := fmt.Sprintf("/spec/ports/%d/port", i)
		ops = []patchOp{{"test", at, svc.Spec.Ports[i].Port}, {"replace", at, calledPort(ref)}}
		say = fmt.Sprintf("has the Service's port for webhooks answer to %d again; a port of another number for webhooks wants their clientConfig changed with it", calledPort(ref))
	}
	return []diagnose.Step{{
		Run:  kubectl(svc.Namespace, "patch", "service", svc.Name, "--type=json", "-p", asJSON(ops)),
		Say:  say,
		Kind: diagnose.StepOther,
	}}
}

// servedPort is the port on which an istiod serves its webhook, or what the
// chart gives it where its flag cannot be read.
func servedPort(d *apps.Deployment) int32 {
	if n, ok := webhookPort(d.Spec.Template.Spec); ok {
		return n
	}
	return 15017
}

// leadsTo reports whether a port of a Service is the one for webhooks: by where
// it leads, or by the name that Istio's chart gives it.
func leadsTo(sp core.ServicePort, target int32) bool {
	switch {
	case sp.Protocol != "" && sp.Protocol != core.ProtocolTCP:
		return false
	case sp.TargetPort.Type == intstr.Int && sp.TargetPort.IntVal != 0:
		return sp.TargetPort.IntVal == target
	}
	return sp.Name == "https-webhook" || sp.TargetPort.StrVal == "https-webhooks"
}

// freeName is a name for another port of a Service, in which names are unique.
func freeName(svc *core.Service, name string) string {
	free := name
	for n := 2; slices.ContainsFunc(svc.Spec.Ports, func(sp core.ServicePort) bool { return sp.Name == free }); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// leftoverFix is what to do with a configuration whose istiod is gone.
func leftoverFix(p *diagnose.Pass, c *admissionv1.MutatingWebhookConfiguration, who asking, routed []mesh.Ref) []diagnose.Step {
	remove := diagnose.Step{Run: kubectl("", "delete", "mutatingwebhookconfiguration", c.Name), Kind: diagnose.StepOther}
	to := bestRevision(p)
	name := answersTo(c)
	switch {
	case to == "" && len(routed)+len(who.namespaces) > 0:
		remove.Say = "no istiod is left: pods can be created again, without a sidecar; to keep the mesh, install Istio instead (istioctl install, or its Helm charts)"
		return []diagnose.Step{remove}
	case len(routed)+len(who.namespaces) == 0:
		remove.Say = "nothing asks for revision " + name + ", and its istiod is gone"
		return []diagnose.Step{remove}
	}
	set := diagnose.Step{
		Run:  tagSet(p, name, to),
		Say:  "has revision " + to + " serve what asks for " + name,
		Kind: diagnose.StepOther,
	}
	if c.Labels[mesh.TagLabel] != "" {
		return []diagnose.Step{set}
	}
	remove.Say = "its istiod is gone"
	if name == "default" {
		return []diagnose.Step{remove, set}
	}
	var steps []diagnose.Step
	if len(who.namespaces) > 0 {
		steps = append(steps, diagnose.Step{
			Run:  kubectl("", slices.Concat([]string{"label", "namespace"}, who.namespaces, []string{pair(mesh.RevisionLabel, to), "--overwrite"})...),
			Say:  "moves the namespaces to revision " + to,
			Kind: diagnose.StepLabel,
		})
	}
	byPod := slices.DeleteFunc(slices.Clone(routed), func(r mesh.Ref) bool { return slices.Contains(who.namespaces, r.Namespace) })
	if len(byPod) > 0 {
		var names []string
		for _, r := range byPod {
			names = append(names, r.String())
		}
		steps = append(steps, diagnose.Step{Kind: diagnose.StepManual, Say: fmt.Sprintf("set the label %s=%s in the pod template of %s", mesh.RevisionLabel, to, list(names))})
	}
	return append(steps, remove)
}
