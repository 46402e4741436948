package checks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

const mutatingPlugin = "MutatingAdmissionWebhook"

func mutatingAdmissionPluginDisabled() diagnose.Check {
	return diagnose.Check{
		Name: "mutating-admission-plugin-disabled",
		Area: diagnose.APIServer,
		Doc: `The API server's MutatingAdmissionWebhook plugin is switched off

Injection is a mutating webhook. Without this admission plugin the API server calls none, says nothing, and every pod starts without a sidecar. The plugin is on by default since Kubernetes 1.10, so somebody switched it off.

It is looked for in the flags of the API server's static pods (--disable-admission-plugins, or the old --admission-control without it), in the arguments that k3s writes on its nodes (annotation k3s.io/node-args), and where neither can be seen, as on managed clusters, in the API server's metrics: plugins that ran are counted there, and this one is missing while others are present. The finding says which of them told. Where none could be read the check is unknown.

To fix it, take MutatingAdmissionWebhook out of the flag on every API server. Only who runs the control plane can; on a managed cluster that is the provider. Pods that started bare stay so until they are replaced.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces},
		Wants:    backendKinds(mesh.Nodes, mesh.APIServerMetrics),
		Explains: []string{"pod-older-than-injection", "revision-changed"},
		Run:      runMutatingAdmissionPluginDisabled,
	}
}

// pluginOff is what one source tells of an API server without the plugin.
type pluginOff struct {
	object   mesh.Ref
	server   string // the rest of "switched off on …"
	field    string
	evidence string
	fix      diagnose.Step
}

func runMutatingAdmissionPluginDisabled(p *diagnose.Pass) []diagnose.Finding {
	if !hasIstio(p) {
		return nil
	}
	off, told := pluginByPods(p.Snapshot)
	if !told {
		off, told = pluginByNodes(p.Snapshot)
	}
	if !told {
		off, told = pluginByMetrics(p.Snapshot)
	}
	if !told {
		p.Unsure("no flags of an API server can be seen (static pods in kube-system, annotation k3s.io/node-args), and its /metrics could not be read or count no plugins yet")
		return nil
	}
	if len(off) == 0 {
		return nil
	}
	refs := p.Routed(func(*admission.Verdict) bool { return true })
	f := diagnose.Finding{Object: off[0].object, Field: off[0].field, Affects: refs}
	var servers []string
	for _, o := range off {
		servers = append(servers, o.server)
		f.Evidence = append(f.Evidence, o.evidence)
		if !slices.Contains(f.Fix, o.fix) {
			f.Fix = append(f.Fix, o.fix)
		}
	}
	for _, c := range mesh.Injectors(p.Snapshot) {
		f.Covers = append(f.Covers, mesh.RefTo(mesh.MutatingWebhooks, "", c.Name))
	}
	f.Message = fmt.Sprintf("Admission plugin %s is switched off on %s, so no webhook is called and new pods start without a sidecar", mutatingPlugin, list(servers))
	if len(refs) > 0 {
		f.Message += ", of " + hit(refs)
	}
	f.Fix = append(f.Fix, restarts(stillBare(p, refs))...)
	return []diagnose.Finding{f}
}

// pluginByPods reads the flags of static pods; told is false when none is
// there to read.
func pluginByPods(s *mesh.Snapshot) (off []pluginOff, told bool) {
	servers := apiServers(s)
	for _, p := range servers {
		why, fixed := pluginFlag(flagWords(p))
		if why == "" {
			continue
		}
		node := p.Spec.NodeName
		if node == "" {
			node = strings.TrimPrefix(p.Name, "kube-apiserver-")
		}
		off = append(off, pluginOff{
			object: mesh.RefTo(mesh.Pods, p.Namespace, p.Name), server: "API server " + p.Name, field: "spec.containers[0].command",
			evidence: fmt.Sprintf("Pod %s/%s: flag %s", p.Namespace, p.Name, why),
			fix: diagnose.Step{Kind: diagnose.StepManual, Say: fmt.Sprintf("on node %s, in /etc/kubernetes/manifests/kube-apiserver.yaml, %s; the kubelet then restarts the API server%s; whoever administers the control plane's nodes",
				node, fixed, localHint(s, node))},
		})
	}
	return off, len(servers) > 0
}

// localHint tells how the file is reached on clusters on a developer's machine.
func localHint(s *mesh.Snapshot, node string) string {
	for _, n := range s.Nodes {
		switch {
		case n.Name != node:
		case strings.HasPrefix(n.Spec.ProviderID, "kind:"):
			return fmt.Sprintf(" (kind: docker exec -it %s bash)", node)
		case n.Labels["minikube.k8s.io/name"] != "":
			return fmt.Sprintf(" (minikube: minikube ssh -p %s, and start it without --extra-config=apiserver.disable-admission-plugins from then on)", n.Labels["minikube.k8s.io/name"])
		}
	}
	return ""
}

// pluginFlag returns the flag that switches the plugin off, and what to do
// about it; empty when none does.
func pluginFlag(flags []string) (why, fixed string) {
	disabled, _ := flagValues(flags, "disable-admission-plugins")
	if slices.Contains(disabled, mutatingPlugin) {
		rest := slices.DeleteFunc(slices.Clone(disabled), func(v string) bool { return v == mutatingPlugin })
		why = "--disable-admission-plugins=" + strings.Join(disabled, ",")
		if len(rest) == 0 {
			return why, "delete the line --disable-admission-plugins=" + mutatingPlugin
		}
		return why, "make it --disable-admission-plugins=" + strings.Join(rest, ",")
	}
	if all, set := flagValues(flags, "admission-control"); set && !slices.Contains(all, mutatingPlugin) {
		return "--admission-control=" + strings.Join(all, ","), "add " + mutatingPlugin + " to --admission-control"
	}
	return "", ""
}

// pluginByNodes reads the arguments that k3s writes on the nodes of its
// servers.
func pluginByNodes(s *mesh.Snapshot) (off []pluginOff, told bool) {
	nodes := slices.Clone(s.Nodes)
	slices.SortFunc(nodes, func(a, b *core.Node) int { return strings.Compare(a.Name, b.Name) })
	for _, n := range nodes {
		var args []string
		if json.Unmarshal([]byte(n.Annotations["k3s.io/node-args"]), &args) != nil || len(args) == 0 || args[0] != "server" {
			continue
		}
		told = true
		given, _ := flagValues(args, "kube-apiserver-arg")
		why, _ := pluginFlag(asFlags(given))
		if why == "" {
			continue
		}
		off = append(off, pluginOff{
			object: mesh.RefTo(mesh.Nodes, "", n.Name), server: "the API server of node " + n.Name, field: "metadata.annotations[k3s.io/node-args]",
			evidence: fmt.Sprintf("Node %s: annotation k3s.io/node-args has --kube-apiserver-arg=%s", n.Name, strings.TrimPrefix(why, "--")),
			fix: diagnose.Step{Kind: diagnose.StepManual, Say: fmt.Sprintf("on node %s take %s out of kube-apiserver-arg disable-admission-plugins, in /etc/rancher/k3s/config.yaml or the arguments of its service, then systemctl restart k3s; whoever administers that node",
				n.Name, mutatingPlugin)},
		})
	}
	return off, told
}

// asFlags puts back the commas that flagValues has split a value at:
// "disable-admission-plugins=A", "B" becomes "--disable-admission-plugins=A,B".
func asFlags(values []string) []string {
	var flags []string
	for _, v := range values {
		if strings.Contains(v, "=") || len(flags) == 0 {
			flags = append(flags, "--"+strings.TrimLeft(v, "-"))
			continue
		}
		flags[len(flags)-1] += "," + v
	}
	return flags
}

// pluginByMetrics reads which plugins have run. It tells nothing of a server
// that has not run the plugin's sibling either: it has only just started.
func pluginByMetrics(s *mesh.Snapshot) (off []pluginOff, told bool) {
	m := s.Facts.Admission
	switch {
	case m == nil:
		return nil, false
	case slices.Contains(m.Plugins, mutatingPlugin):
		return nil, true
	case !slices.Contains(m.Plugins, "ValidatingAdmissionWebhook") && !slices.Contains(m.Plugins, "NamespaceLifecycle"):
		return nil, false
	}
	return []pluginOff{{
		object: mesh.RefTo(mesh.Services, "default", "kubernetes"), server: "the API server",
		evidence: "/metrics of the API server: apiserver_admission_controller_admission_duration_seconds counts " + list(sorted(m.Plugins)) + ", but not " + mutatingPlugin,
		fix:      diagnose.Step{Kind: diagnose.StepManual, Say: "take " + mutatingPlugin + " out of the API server's flag --disable-admission-plugins and restart it, whoever runs the control plane; on a managed cluster ask the provider, with this line of evidence"},
	}}, true
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}
