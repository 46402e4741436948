package checks

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func podSecurityRejectsSidecar() diagnose.Check {
	return diagnose.Check{
		Name: "pod-security-rejects-sidecar",
		Area: diagnose.Injection,
		Doc: `The namespace's Pod Security level refuses pods with the sidecar

The label pod-security.kubernetes.io/enforce on a namespace makes the API server refuse pods that ask for more than its level allows. Without istio-cni, every injected pod has the init container istio-init, which sets up iptables and needs the capabilities NET_ADMIN and NET_RAW; the levels baseline and restricted forbid them. The level restricted also wants a seccomp profile on every container. The refused pods never exist; the words are in the events: 'violates PodSecurity "baseline:latest": non-default capabilities …'.

It is found by making the next pod of each workload with istiod's own code and judging it with the API server's own rules, for namespaces that enforce a level. A pod that the level would refuse without a sidecar too is not the mesh's fault and is left out.

To fix it for good, install istio-cni and set pilot.cni.enabled=true (for restricted also global.proxy.seccompProfile.type=RuntimeDefault), then no pod needs the capabilities; whoever installs Istio can. The quick way is a lower level for the namespace, which then allows it to every pod there, not to sidecars alone; whoever may label the namespace can.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(),
		Explains: []string{"pod-creation-refused", "pod-older-than-injection"},
		Run:      runPodSecurityRejectsSidecar,
	}
}

// refusedLevel is what one namespace's level refuses.
type refusedLevel struct {
	level     api.LevelVersion
	workloads []*mesh.Workload
	why       string    // of the first of them
	pod       *core.Pod // the first's, with the sidecar; nil when it could not be made
}

func runPodSecurityRejectsSidecar(p *diagnose.Pass) []diagnose.Finding {
	if !slices.ContainsFunc(p.Workloads, func(w *mesh.Workload) bool { _, enforced := enforcedLevel(w.Namespace); return enforced }) {
		return nil // preparing the rules takes longer than all other checks of a workload
	}
	rules, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil // the built-in rules are sound
	}
	told := map[mesh.Ref]string{}
	for _, r := range refusals(p) {
		if r.Cause == causePodSecurity {
			told[r.Workload.Ref] = r.Message
		}
	}
	by := map[*core.Namespace]*refusedLevel{}
	for _, w := range p.Workloads {
		level, enforced := enforcedLevel(w.Namespace)
		if !enforced || violation(rules, level, w.NextPod()) != "" {
			continue
		}
		why, pod := told[w.Ref], (*core.Pod)(nil)
		if in, ok := p.Inject(w); ok && in.Pod != nil {
			why, pod = violation(rules, level, in.Pod), in.Pod
		} else if _, after, _ := strings.Cut(why, `": `); strings.Contains(after, "istio-") {
			why = after
		} else {
			why = ""
		}
		if why == "" {
			continue
		}
		if by[w.Namespace] == nil {
			by[w.Namespace] = &refusedLevel{level: level, why: why, pod: pod}
		}
		by[w.Namespace].workloads = append(by[w.Namespace].workloads, w)
	}
	var found []diagnose.Finding
	for _, ns := range p.Snapshot.Namespaces {
		if r := by[ns]; r != nil {
			found = append(found, r.finding(p, rules, ns))
		}
	}
	return found
}

func (r *refusedLevel) finding(p *diagnose.Pass, rules policy.Evaluator, ns *core.Namespace) diagnose.Finding {
	refs := refsOf(r.workloads)
	cni := "install istio-cni and set pilot.cni.enabled=true in istiod's values, so that pods need no NET_ADMIN"
	seccomp := "set global.proxy.seccompProfile.type=RuntimeDefault in istiod's values, which the level restricted wants"
	good, lower := cni, api.LevelPrivileged
	baseline := api.LevelVersion{Level: api.LevelBaseline, Version: r.level.Version}
	switch {
	case r.level.Level != api.LevelRestricted:
	case r.pod != nil && violation(rules, baseline, r.pod) == "":
		good, lower = seccomp, api.LevelBaseline
	default:
		good = cni + "; and " + seccomp
	}
	fix := []diagnose.Step{
		{Kind: diagnose.StepManual, Say: good + "; whoever installs Istio can"},
		{
			Kind: diagnose.StepLabel,
			Run:  kubectl("", "label", "namespace", ns.Name, pair(api.EnforceLevelLabel, string(lower)), "--overwrite"),
			Say:  fmt.Sprintf("or, until then: this lets every pod of the namespace do what the level %s forbids, not the sidecar alone", r.level.Level),
		},
	}
	return diagnose.Finding{
		Message: fmt.Sprintf("Namespace %s enforces the Pod Security level %s, which refuses pods with the sidecar: no new pods of %s",
			ns.Name, r.level.Level, whose(r.workloads)),
		Object: mesh.RefTo(mesh.Namespaces, "", ns.Name),
		Field:  "metadata.labels[" + api.EnforceLevelLabel + "]",
		Evidence: []string{
			fmt.Sprintf("label %s=%s", api.EnforceLevelLabel, ns.Labels[api.EnforceLevelLabel]),
			fmt.Sprintf("the next pod of %s would be refused for: %s", r.workloads[0].Ref, oneLine(r.why)),
		},
		Affects: refs,
		Fix:     append(fix, again(p, r.workloads)...),
	}
}

// enforcedLevel is the level that a namespace enforces, when it is one that
// forbids anything
// (k8s.io/pod-security-admission v0.35.0, api/helpers.go: PolicyToEvaluate).
func enforcedLevel(ns *core.Namespace) (api.LevelVersion, bool) {
	if ns == nil || ns.Labels[api.EnforceLevelLabel] == "" {
		return api.LevelVersion{}, false
	}
	latest := api.LevelVersion{Level: api.LevelPrivileged, Version: api.LatestVersion()}
	evaluated, _ := api.PolicyToEvaluate(ns.Labels, api.Policy{Enforce: latest, Audit: latest, Warn: latest})
	return evaluated.Enforce, evaluated.Enforce.Level != api.LevelPrivileged
}

// violation is what a level forbids of a pod, in the API server's words; empty
// when it allows the pod.
func violation(rules policy.Evaluator, level api.LevelVersion, pod *core.Pod) string {
	result := policy.AggregateCheckResults(rules.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if result.Allowed {
		return ""
	}
	return result.ForbiddenDetail()
}

// whose names one workload, or says how many there are.
func whose(workloads []*mesh.Workload) string {
	if len(workloads) == 1 {
		return workloads[0].Ref.String()
	}
	return count(len(workloads), "workload")
}

// again are the steps that make pods anew once nothing refuses them: in place
// of those that lack the sidecar, and of those that are missing, which
// controllers else try again after up to 16 minutes.
func again(p *diagnose.Pass, workloads []*mesh.Workload) []diagnose.Step {
	var bare []*mesh.Workload
	var missing []mesh.Ref
	for _, w := range workloads {
		switch {
		case len(bareNow(w)) > 0:
			bare = append(bare, w)
		case lacking(w) > 0:
			missing = append(missing, w.Ref)
		}
	}
	return append(replaced(p, bare), restarts(missing)...)
}
