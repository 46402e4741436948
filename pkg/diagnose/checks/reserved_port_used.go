package checks

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func reservedPortUsed() diagnose.Check {
	return diagnose.Check{
		Name: "reserved-port-used",
		Area: diagnose.DataPlane,
		Doc: `An application listens on a port that the sidecar needs

The sidecar shares the pod's network with the application and listens on ports of its own: 15000 (Envoy's admin interface), 15001 and 15006 (outgoing and incoming traffic), 15004 (debug interface), 15008 (HBONE), 15020 (merged metrics), 15021 (health), 15053 (DNS) and 15090 (Envoy's metrics). Whoever comes second cannot start: "Address already in use". A Service that sends clients to one of the ports for traffic makes them talk to the proxy itself.

It is found in containerPorts of application containers of meshed workloads, and in the targetPorts of Services that select them. Services may point to 15020, 15021 and 15090, which are there to be asked. It is an error where a container of the pod cannot start.

To fix it, let the application listen on another port, and change the containerPort and the Service's targetPort to it; whoever develops or deploys the application can.`,
		Severity: diagnose.Error,
		Needs:    append(nextPodNeeds(), mesh.Pods),
		Wants:    append(diagnose.WorkloadKinds(), mesh.ConfigMaps, mesh.Services),
		Run:      runReservedPortUsed,
	}
}

// reservedPort is what the sidecar listens there for; empty for other ports
// (istio.io docs, Application Requirements: Ports used by Istio).
func reservedPort(port int32) string {
	switch port {
	case 15000:
		return "Envoy's admin interface"
	case 15001:
		return "outgoing traffic"
	case 15004:
		return "the debug interface"
	case 15006:
		return "incoming traffic"
	case 15008:
		return "HBONE traffic"
	case 15020:
		return "merged metrics"
	case 15021:
		return "health checks"
	case 15053:
		return "DNS"
	case 15090:
		return "Envoy's metrics"
	}
	return ""
}

// askable reports whether the sidecar answers others on a port.
func askable(port int32) bool { return port == 15020 || port == 15021 || port == 15090 }

func runReservedPortUsed(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		app := appContainers(&w.Template.Spec)
		if len(app) == 0 || !meshed(p, w) {
			continue
		}
		var evidence, names []string
		field := ""
		for _, c := range app {
			for _, port := range c.Ports {
				if why := reservedPort(port.ContainerPort); why != "" && port.Protocol != core.ProtocolUDP {
					names = append(names, fmt.Sprint(port.ContainerPort))
					evidence = append(evidence, fmt.Sprintf("container %s has containerPort %d, which the sidecar needs for %s", c.Name, port.ContainerPort, why))
					if field == "" {
						field = inTemplate(w, "spec.containers["+c.Name+"].ports")
					}
				}
			}
		}
		if len(names) > 0 {
			found = append(found, portFinding(w, field, names, evidence))
		}
		found = append(found, targetedPorts(p, w)...)
	}
	return found
}

func portFinding(w *mesh.Workload, field string, names, evidence []string) diagnose.Finding {
	f := diagnose.Finding{
		Severity: diagnose.Warning,
		Message:  fmt.Sprintf("%s uses port %s, which its sidecar needs", w.Ref, strings.Join(names, " and ")),
		Object:   w.Ref,
		Field:    field,
		Evidence: evidence,
		Affects:  []mesh.Ref{w.Ref},
		Fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say:  fmt.Sprintf("let the application of %s listen on another port than %s, and change its containerPort and the Service's targetPort to it; whoever develops or deploys it can", w.Ref, strings.Join(names, " and ")),
		}},
	}
	if crash := crashing(w); crash != "" {
		f.Severity = diagnose.Error
		f.Message += ", and " + crash
	}
	return f
}

// targetedPorts finds Services that send a workload's clients to the proxy's
// own ports.
func targetedPorts(p *diagnose.Pass, w *mesh.Workload) []diagnose.Finding {
	var found []diagnose.Finding
	for _, svc := range p.Snapshot.Services {
		if svc.Namespace != w.Ref.Namespace || len(svc.Spec.Selector) == 0 ||
			!labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(w.Template.Labels)) {
			continue
		}
		for i, port := range svc.Spec.Ports {
			target := port.TargetPort.IntVal
			if target == 0 && port.TargetPort.StrVal == "" {
				target = port.Port
			}
			why := reservedPort(target)
			if why == "" || askable(target) || port.Protocol == core.ProtocolUDP || declares(w, target) {
				continue
			}
			ref := mesh.RefTo(mesh.Services, svc.Namespace, svc.Name)
			found = append(found, diagnose.Finding{
				ID:       fmt.Sprintf("reserved-port-used/Service/%s/%s/%d", svc.Namespace, svc.Name, port.Port),
				Severity: diagnose.Warning,
				Message:  fmt.Sprintf("%s sends port %d to port %d of %s, where its sidecar listens for %s", ref, port.Port, target, w.Ref, why),
				Object:   ref,
				Field:    fmt.Sprintf("spec.ports[%d].targetPort", i),
				Affects:  []mesh.Ref{w.Ref},
				Fix: []diagnose.Step{{
					Kind: diagnose.StepManual,
					Say:  fmt.Sprintf("change targetPort %d of %s to the port that the application listens on, or take the port out; whoever deploys it can", target, ref),
				}},
			})
		}
	}
	return found
}

// declares reports whether a container of the workload has the port, which
// then is a finding of its own.
func declares(w *mesh.Workload, port int32) bool {
	return slices.ContainsFunc(appContainers(&w.Template.Spec), func(c core.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.ContainerPort == port })
	})
}

// crashing says which container of a workload's pods does not stay up.
func crashing(w *mesh.Workload) string {
	for _, pod := range w.Pods {
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if s.State.Waiting != nil && s.State.Waiting.Reason == "CrashLoopBackOff" {
				return fmt.Sprintf("container %s of pod %s/%s does not stay up", s.Name, pod.Namespace, pod.Name)
			}
		}
	}
	return ""
}
