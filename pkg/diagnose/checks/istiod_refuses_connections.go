package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func istiodRefusesConnections() diagnose.Check {
	return diagnose.Check{
		Name: "istiod-refuses-connections",
		Area: diagnose.ControlPlane,
		Doc: `istiod is ready, but nothing answers where the API server calls it

The webhooks' Service has ready endpoints, and still the calls end in "connection refused", or are answered by something that is not the injector. Pods that are to be injected are then refused; with failurePolicy Ignore they start without a sidecar.

It is found in two ways. The targetPort of the Service's port is compared with the port on which istiod serves webhooks (15017, or what its argument --httpsAddr says): a number or a name that leads elsewhere is wrong even before the first call. And the API server's words are read from the events and conditions of workloads that lack pods.

To fix it, set the targetPort right, or, when that is right, restart istiod and read its log; whoever may change the namespace of istiod can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Services, mesh.EndpointSlices},
		Wants:    backendKinds(),
		Explains: []string{"pod-creation-refused", "istiod-unreachable-from-api-server"},
		Run:      runIstiodRefusesConnections,
	}
}

func runIstiodRefusesConnections(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		if b.service == nil || b.port() == nil {
			continue
		}
		refs := b.routed(p)
		f := diagnose.Finding{Severity: b.severity(p, refs), Object: b.ref(), Affects: refs, Covers: b.covers()}
		said, _ := b.split(p.Snapshot, b.refused(p, all, causeConnectionRefused, causeWrongPort))
		for _, r := range said[:min(1, len(said))] {
			f.Evidence = append(f.Evidence, r.Workload.Ref.String()+": "+r.Message)
		}
		switch wrong, want := b.wrongTarget(); {
		case wrong != "":
			i := slices.IndexFunc(b.service.Spec.Ports, func(sp core.ServicePort) bool { return sp.Port == b.port().Port })
			f.Field = fmt.Sprintf("spec.ports[%d].targetPort", i)
			f.Message = fmt.Sprintf("%s sends port %d to %s, but istiod serves its webhooks on port %d, so %s", b, b.port().Port, wrong, want, b.consequence(p, refs))
			f.Evidence = append([]string{fmt.Sprintf("%s: %s is %s", b, f.Field, b.port().TargetPort.String()),
				fmt.Sprintf("Deployment %s/%s: container discovery serves webhooks on %d", b.namespace, b.deployment.Name, want)}, f.Evidence...)
			f.Fix = []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(b.namespace, "patch", "service", b.name, "--type=json", "-p",
				fmt.Sprintf(`[{"op":"add","path":"/spec/ports/%d/targetPort","value":%d}]`, i, want))}}
		case len(said) > 0 && b.healthy():
			f.Message = fmt.Sprintf("istiod behind %s is ready, but %s when the API server calls it%s, so %s",
				b, answer(said[0].Cause), after(" at ", strings.Join(b.hosts, ", ")), b.consequence(p, refs))
			f.Evidence = append(f.Evidence, fmt.Sprintf("last seen at %s", clock(said[0].Last)))
			f.Fix = append(b.restart("starts istiod anew"), diagnose.Step{Kind: diagnose.StepManual,
				Say: "if that does not help, read its log for why port 15017 is not served, and see that kube-proxy runs on the nodes of the API server, whoever runs the cluster"})
		default:
			continue
		}
		f.Fix = append(f.Fix, b.bareAfter(p, refs)...)
		found = append(found, f)
	}
	return found
}

// answer is what the API server meets.
func answer(c cause) string {
	if c == causeWrongPort {
		return "something other than the injector answers"
	}
	return "the connection is refused"
}

// wrongTarget tells where the Service's port leads when that is not the port
// istiod serves webhooks on, and which that is; empty when it leads there or
// nothing is known of istiod's container.
func (b *backend) wrongTarget() (wrong string, want int32) {
	port := b.port()
	if port == nil || b.deployment == nil || !b.selects {
		return "", 0
	}
	spec := b.deployment.Spec.Template.Spec
	want, ok := webhookPort(spec)
	if !ok {
		return "", 0
	}
	target := port.TargetPort
	if target.Type == intstr.Int {
		number := target.IntVal
		if number == 0 {
			number = port.Port
		}
		if number == want || declaredBeside(spec, number) {
			return "", 0
		}
		return fmt.Sprintf("targetPort %d", number), want
	}
	for _, c := range spec.Containers {
		for _, cp := range c.Ports {
			if cp.Name == target.StrVal && (cp.ContainerPort == want || c.Name != "discovery") {
				return "", 0
			}
			if cp.Name == target.StrVal {
				return fmt.Sprintf("targetPort %s, which is %d", cp.Name, cp.ContainerPort), want
			}
		}
	}
	return fmt.Sprintf("targetPort %s, a name that no port of its containers has", target.StrVal), want
}

// portUnnamed is the name of a targetPort that no container has: the
// EndpointSlices then lack the port, and the address that is ready is none.
func (b *backend) portUnnamed() string {
	if wrong, _ := b.wrongTarget(); wrong != "" && b.port().TargetPort.Type == intstr.String {
		return wrong
	}
	return ""
}

// webhookPort is the port on which istiod serves webhooks
// (istio.io/istio 1.29.1, pilot/cmd/pilot-discovery/app/cmd.go: httpsAddr).
func webhookPort(spec core.PodSpec) (int32, bool) {
	for _, c := range spec.Containers {
		if c.Name != "discovery" {
			continue
		}
		values, set := flagValues(append(slices.Clone(c.Command), c.Args...), "httpsAddr")
		if !set || len(values) == 0 {
			return 15017, true
		}
		_, port, _ := strings.Cut(values[len(values)-1], ":")
		n, err := strconv.ParseInt(port, 10, 32)
		return int32(n), err == nil
	}
	return 0, false
}

// declaredBeside reports whether another container than istiod's declares a
// port: something in front of istiod.
func declaredBeside(spec core.PodSpec, port int32) bool {
	for _, c := range spec.Containers {
		for _, cp := range c.Ports {
			if c.Name != "discovery" && cp.ContainerPort == port {
				return true
			}
		}
	}
	return false
}
