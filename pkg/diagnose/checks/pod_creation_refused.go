package checks

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func podCreationRefused() diagnose.Check {
	return diagnose.Check{
		Name: "pod-creation-refused",
		Area: diagnose.Injection,
		Doc: `The API server refuses new pods of workloads

A controller wants pods and the API server does not let them be created: a call to istiod's webhook failed, istiod refused the pod, or the pod with its sidecar breaks a rule (a quota, a Pod Security level, another webhook). The workload has fewer pods than it wants, or none, and no pod shows why.

It is found from the FailedCreate events and ReplicaFailure conditions of ReplicaSets, StatefulSets, DaemonSets and Jobs that lack pods. Refusals in the same words are one finding. Where another check names the cause, this finding is folded under it; alone it says in the API server's own words what nothing else explains. Refusals that have nothing to do with the mesh are only information, unless that workload was asked about by name.

To fix it, remove what the message names; then a rollout restart makes controllers try again at once. Who can depends on the cause.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.Pods, mesh.Events},
		Wants:    backendKinds(mesh.MutatingWebhooks, mesh.ValidatingWebhooks, mesh.Namespaces, mesh.EndpointSlices),
		Run:      runPodCreationRefused,
	}
}

func runPodCreationRefused(p *diagnose.Pass) []diagnose.Finding {
	meshed := hasIstio(p) || p.Scope.Named
	groups := map[string][]refusal{}
	var keys []string
	calls := backends(p.Snapshot)
	for _, r := range refusals(p) {
		if over(p, calls, r) || !meshed && !mesh.IsInjector(r.Webhook) {
			continue
		}
		key := groupKey(p, r)
		if groups[key] == nil {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], r)
	}
	slices.Sort(keys)
	var found []diagnose.Finding
	for _, key := range keys {
		found = append(found, refusedFinding(p, key, groups[key]))
	}
	return found
}

// over reports whether a refusal is of a call that would work now.
func over(p *diagnose.Pass, calls []*backend, r refusal) bool {
	return slices.ContainsFunc(calls, func(b *backend) bool {
		return b.calledBy(r, p) && b.healed(p.Snapshot, r) != ""
	})
}

// groupKey is the same for refusals that say the same: the mesh's own by cause
// and webhook alone, others by their words without the pods' names.
func groupKey(p *diagnose.Pass, r refusal) string {
	words := ""
	if !slices.Contains(callFailures(), r.Cause) {
		words = plain(r)
	}
	return strings.Join([]string{string(refusedSeverity(p, r)), string(r.Cause), r.Webhook, words}, "|")
}

var podName = regexp.MustCompile(`(?i)(pods?|replicasets?) "[^"]*"`)

// plain is a message without what differs from pod to pod.
func plain(r refusal) string {
	m := podName.ReplaceAllString(r.Message, "$1")
	m, _, _ = strings.Cut(m, ", requested: ")
	own, err := regexp.Compile(`\b` + regexp.QuoteMeta(r.Workload.Ref.Name) + `(-[a-z0-9]+)*\b`)
	if err != nil {
		return m
	}
	return own.ReplaceAllString(m, "NAME")
}

// refusedSeverity is an error where the refusal concerns the mesh, or a
// workload that was asked about by name.
func refusedSeverity(p *diagnose.Pass, r refusal) diagnose.Severity {
	if mesh.IsInjector(r.Webhook) || p.Scope.Named || strings.Contains(r.Message, mesh.ProxyContainer) || strings.Contains(r.Message, mesh.InitContainer) {
		return diagnose.Error
	}
	if d, known := p.DecideWorkload(r.Workload); known && d.Inject {
		return diagnose.Error
	}
	return diagnose.Info
}

func refusedFinding(p *diagnose.Pass, key string, group []refusal) diagnose.Finding {
	r := group[0]
	var refs []mesh.Ref
	last := r.Last
	for _, g := range group {
		refs = append(refs, g.Workload.Ref)
		if g.Last.After(last) {
			last = g.Last
		}
	}
	f := diagnose.Finding{
		Severity: refusedSeverity(p, r),
		Object:   r.Workload.Ref,
		Evidence: []string{r.Workload.Ref.String() + ": " + r.Message, "last seen at " + clock(last)},
		Affects:  refs,
		Fix:      append(refusedSteps(p, r), hurry(refs)...),
	}
	if len(group) == 1 {
		f.Message = fmt.Sprintf("New pods of %s are refused: %s", r.Workload.Ref, shortened(r.Message))
		if shortened(r.Message) == r.Message {
			f.Evidence = f.Evidence[1:] // the message holds it
		}
	} else {
		f.Message = fmt.Sprintf("New pods of %s are refused: %s", hit(refs), shortened(plain(r)))
		f.Object = mesh.RefTo(mesh.Namespaces, "", r.Workload.Ref.Namespace)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash takes everything
	f.ID = fmt.Sprintf("pod-creation-refused/%s/%08x", r.Cause, h.Sum32())
	return f
}

// shortened cuts words that are longer than a screen has room for; the
// evidence has them whole.
func shortened(said string) string {
	const most = 300
	runes := []rune(said)
	if len(runes) <= most {
		return said
	}
	return string(runes[:most]) + " …"
}

// refusedSteps says what to change, as far as the words tell.
func refusedSteps(p *diagnose.Pass, r refusal) []diagnose.Step {
	manual := func(say string) []diagnose.Step { return []diagnose.Step{{Kind: diagnose.StepManual, Say: say}} }
	switch r.Cause {
	case causeOtherWebhook:
		return otherWebhookSteps(p.Snapshot, r)
	case causeQuota:
		if run, ok := quotaPatch(r.Workload.Ref.Namespace, r.Message); ok {
			return []diagnose.Step{{Kind: diagnose.StepOther, Run: run, Say: "raises the quota by what one pod lacks; or let the workload ask for less"}}
		}
		return manual("give every container, the sidecar too, the requests and limits that the quota asks for (annotations sidecar.istio.io/proxyCPU, proxyCPULimit, proxyMemory, proxyMemoryLimit, or a LimitRange)")
	case causePodSecurity:
		return manual("let istio-cni set up the pods' network instead of istio-init (values pilot.cni.enabled=true, and install the cni chart), or lower the namespace's pod-security.kubernetes.io/enforce label; whoever administers the mesh or the namespace")
	case causeSCC:
		return manual("install Istio with global.platform=openshift and istio-cni, whoever administers the mesh")
	case causeAutopilot:
		return manual("let the cluster run with --workload-policies=allow-net-admin (gcloud container clusters update), whoever administers it")
	case causeRestartPolicy:
		return manual("another mutating webhook drops restartPolicy from init containers: upgrade it, or annotate the pod template with sidecar.istio.io/nativeSidecar: \"false\"")
	}
	if slices.Contains(callFailures(), r.Cause) {
		return manual(callWords(r) + ", whoever administers the mesh")
	}
	if mesh.IsInjector(r.Webhook) {
		return manual("istiod refuses the pod for the reason it gives: correct that in the pod template, or in the injector's ConfigMap and values")
	}
	if steps, ok := policySteps(r); ok {
		return steps
	}
	return manual("change what the message names, in the pod template or in the rule that refuses it")
}

// callWords says what is wrong behind a failed call, for who may not look
// there.
func callWords(r refusal) string {
	switch r.Cause {
	case causeNoEndpoints:
		return "no istiod is ready: see to its Deployment and pods"
	case causeServiceNotFound:
		return fmt.Sprintf("webhook %s calls a Service that does not exist: install that revision again, or delete its webhook configuration", r.Webhook)
	case causeUnknownAuthority, causeExpired, causeWrongName:
		return "the caBundle of the webhook configuration does not fit istiod's certificate: restart istiod, which writes it anew"
	case causeConnectionRefused, causeWrongPort:
		return "nothing serves webhooks where istiod's Service leads: see to its pods and its targetPort (15017)"
	case causeProxyConnect:
		return "the API server calls istiod through an HTTP proxy: add .svc to its NO_PROXY"
	case causeNoSuchHost:
		return "the API server cannot resolve the host of the webhook: correct its clientConfig"
	}
	return "the API server gets no answer from istiod: see that istiod answers, and that TCP 15017 is open from the control plane to the nodes"
}
