package checks

import (
	"fmt"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func proxyNotReady() diagnose.Check {
	return diagnose.Check{
		Name: "proxy-not-ready",
		Area: diagnose.DataPlane,
		Doc: `Injected pods whose proxy crashes or does not become ready

A pod with a sidecar is ready only when its proxy is, and the proxy is ready only when it has a certificate and its first configuration from istiod. A proxy that cannot reach istiod on port 15012 (an egress NetworkPolicy, DNS, a discovery address that does not exist) or that istiod turns away (another trust domain or cluster ID, a clock that is off) runs and never gets ready. A pod whose istio-init or istio-validation fails does not get that far: iptables modules that the node lacks, or istio-cni that is missing on the node.

It is found from the states of Istio's containers in injected pods: one that crashes again and again, or a proxy that has run for more than three minutes without being ready. Where every pod of a workload is hit it is an error, else a warning.

To fix it, read the container's log, which the finding's command shows: it names the address, right or module that is missing. Then see to that, and restart the workload where it does not heal by itself.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.Pods},
		Wants:    append(diagnose.WorkloadKinds(), mesh.Namespaces, mesh.Events, mesh.NetworkPolicies),
		Run:      runProxyNotReady,
	}
}

// proxyPatience is how long a proxy may take: its startup probe in Istio's
// template gives up after 600 s, but a proxy that reaches istiod is ready in
// seconds.
const proxyPatience = 3 * time.Minute

// unwell are workloads whose Istio container is in the same trouble.
type unwell struct {
	container, trouble string
	workloads          []*mesh.Workload
	pods               []*core.Pod
	all                bool // some workload has no pod that is ready
	evidence           []string
}

func runProxyNotReady(p *diagnose.Pass) []diagnose.Finding {
	by := map[string]*unwell{}
	var keys []string
	for _, w := range p.Workloads {
		var seen []string
		for _, pod := range w.Pods {
			container, trouble, value := proxyTrouble(p.Snapshot.Time, pod)
			key := w.Ref.Namespace + "|" + container + "|" + trouble
			if trouble == "" || slices.Contains(seen, key) {
				continue
			}
			seen = append(seen, key)
			u := by[key]
			if u == nil {
				u = &unwell{container: container, trouble: trouble}
				by[key], keys = u, append(keys, key)
			}
			u.workloads, u.pods = append(u.workloads, w), append(u.pods, pod)
			u.all = u.all || !slices.ContainsFunc(w.Pods, ready)
			u.evidence = append(u.evidence, fmt.Sprintf("Pod %s/%s, container %s: %s", pod.Namespace, pod.Name, container, value))
			if said := podWarning(p.Snapshot, pod); said != "" {
				u.evidence = append(u.evidence, fmt.Sprintf("Pod %s/%s: %s", pod.Namespace, pod.Name, oneLine(said)))
			}
		}
	}
	slices.Sort(keys)
	var found []diagnose.Finding
	for _, k := range keys {
		found = append(found, by[k].finding(p))
	}
	return found
}

func (u *unwell) finding(p *diagnose.Pass) diagnose.Finding {
	refs, pod := refsOf(u.workloads), u.pods[0]
	f := diagnose.Finding{
		Severity: diagnose.Warning,
		Object:   mesh.RefTo(mesh.Namespaces, "", pod.Namespace),
		ID:       fmt.Sprintf("proxy-not-ready/%s/%s/%s", pod.Namespace, u.container, map[bool]string{true: "crash", false: "ready"}[u.trouble == crashes]),
		Message:  fmt.Sprintf("container %s %s in pods of %s", u.container, u.trouble, hit(refs)),
		Affects:  refs,
		Evidence: u.evidence[:min(4, len(u.evidence))],
	}
	if len(refs) == 1 {
		f.Object, f.Message = refs[0], fmt.Sprintf("container %s of pod %s of %s %s", u.container, pod.Name, refs[0], u.trouble)
	}
	if u.all {
		f.Severity = diagnose.Error
	}
	log := []string{"logs", pod.Name, "-c", u.container, "--tail=30"}
	if u.trouble == crashes {
		log = append(log, "--previous")
	}
	say := "then see to what the log names: for a proxy, that pods of the namespace reach istiod on port 15012 and the DNS on port 53, and that istiod accepts its certificate request; whoever runs the mesh"
	if u.container != mesh.ProxyContainer {
		say = "then see to what the log names: for istio-init the iptables modules of the node, for istio-validation that istio-cni runs on the node; whoever runs the nodes"
	} else if names := egressPolicies(p.Snapshot, pod.Namespace); len(names) > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("NetworkPolicies that limit egress in namespace %s: %s", pod.Namespace, list(names)))
		say = fmt.Sprintf("if the log says that istiod is out of reach, let NetworkPolicy %s allow egress to port 15012 of istiod and to the DNS; whoever owns it", list(names))
	}
	f.Fix = []diagnose.Step{
		{Kind: diagnose.StepOther, Run: kubectl(pod.Namespace, log...), Say: "shows why"},
		{Kind: diagnose.StepManual, Say: say},
	}
	return f
}

const crashes = "crashes again and again"

// proxyTrouble is what is wrong with Istio's containers in a pod, if anything.
func proxyTrouble(now time.Time, pod *core.Pod) (container, trouble, value string) {
	if pod.DeletionTimestamp != nil || mesh.Done(pod) || !mesh.InMesh(pod) {
		return "", "", ""
	}
	for c := range statuses(pod) {
		if !slices.Contains([]string{mesh.ProxyContainer, mesh.InitContainer, mesh.ValidationContainer}, c.Name) {
			continue
		}
		if wait := c.State.Waiting; wait != nil && wait.Reason == "CrashLoopBackOff" {
			value := "waiting: " + words(wait.Reason, oneLine(wait.Message))
			if t := c.LastTerminationState.Terminated; t != nil {
				value += fmt.Sprintf("; exit code %d%s", t.ExitCode, after(": ", lastLine(t.Message)))
			}
			return c.Name, crashes, value
		}
		if run := c.State.Running; c.Name == mesh.ProxyContainer && run != nil && !c.Ready && !run.StartedAt.IsZero() && now.Sub(run.StartedAt.Time) > proxyPatience {
			return c.Name, "runs and does not become ready", "running since " + clock(run.StartedAt.Time) + ", not ready"
		}
	}
	return "", "", ""
}

// egressPolicies names the NetworkPolicies of a namespace that limit egress.
func egressPolicies(s *mesh.Snapshot, namespace string) []string {
	var names []string
	for _, n := range s.NetworkPolicies {
		if n.Namespace == namespace && slices.Contains(n.Spec.PolicyTypes, networking.PolicyTypeEgress) {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names
}
