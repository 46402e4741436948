package checks

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injectorPolicyDisabled reports istiods that leave pods alone by their own
// settings.
func injectorPolicyDisabled() diagnose.Check {
	return diagnose.Check{
		Name:     injectorPolicyDisabledName,
		Area:     diagnose.Labels,
		Severity: diagnose.Error,
		Needs:    append(webhookNeeds(), mesh.ConfigMaps),
		Wants:    webhookWants(),
		Explains: []string{"image-auto-not-injected", "injection-decided"},
		Doc: `istiod's own injection policy or selectors leave pods alone

The API server asks istiod, and istiod says no. Its settings are in ConfigMap
istio-sidecar-injector (istio-sidecar-injector-REVISION), key config:

- policy: disabled injects only pods that ask for it themselves;
- any other policy but enabled injects nothing at all, not even pods that ask;
- neverInjectSelector leaves out pods with certain labels.

istiod prints nothing but "Skipping due to policy check" into its own log
(istio.io/istio 1.29.1, pkg/kube/inject/inject.go: injectRequired).

A policy that keeps labelled namespaces bare is an error. It is for your
information where pods of that namespace opt in by themselves, which is what the
policy disabled is for. Pods left out by a selector are a warning, and for your
information where they are Jobs or pods by themselves.

Found by reading the ConfigMap that belongs to the webhook which would be called.
The fix changes the policy in place; istiod sees it within seconds, and the
running pods are replaced. In Helm the value is global.proxy.autoInject, for the
selectors sidecarInjectorWebhook.neverInjectSelector: change it there too, or the
next upgrade brings it back. Whoever runs Istio can do it.
`,
		Run: runInjectorPolicyDisabled,
	}
}

// injectorSettings are the settings of istiod's injector that decide.
type injectorSettings struct {
	Policy              string           `json:"policy"`
	NeverInjectSelector []map[string]any `json:"neverInjectSelector"`
}

func runInjectorPolicyDisabled(p *diagnose.Pass) []diagnose.Finding {
	left := absentFrom(p, injectorPolicyDisabledName)
	var found []diagnose.Finding
	for _, m := range p.Snapshot.ConfigMaps {
		var byPolicy, bySelector []*mesh.Workload
		reason := ""
		for _, w := range left {
			d, _ := p.DecideWorkload(w)
			if d.Istiod.Namespace != m.Namespace || injectorName(d.Istiod.Revision) != m.Name {
				continue
			}
			if d.Istiod.Rule == admission.NeverInject {
				bySelector = append(bySelector, w)
				reason = d.Istiod.Reason
				continue
			}
			byPolicy = append(byPolicy, w)
		}
		var settings injectorSettings
		if err := yaml.Unmarshal([]byte(m.Data["config"]), &settings); err != nil {
			continue
		}
		if len(byPolicy) > 0 {
			found = append(found, policyFinding(p, m, settings.Policy, byPolicy))
		}
		if len(bySelector) > 0 {
			found = append(found, selectorFinding(p, m, reason, bySelector))
		}
	}
	return found
}

// injectorName is the ConfigMap with a revision's injection settings
// (istio.io/istio 1.29.1, pilot/pkg/bootstrap/sidecarinjector.go).
func injectorName(revision string) string {
	if revision == "" || revision == "default" {
		return "istio-sidecar-injector"
	}
	return "istio-sidecar-injector-" + revision
}

func policyFinding(p *diagnose.Pass, m *core.ConfigMap, policy string, left []*mesh.Workload) diagnose.Finding {
	refs := refsOf(left)
	does := "with which istiod leaves alone every pod that does not ask by itself"
	if policy != "disabled" {
		does = "which istiod does not know and takes for off, even for pods that ask"
	}
	f := diagnose.Finding{
		Severity: diagnose.Error,
		Message: fmt.Sprintf("The injection policy in ConfigMap %s/%s is %q, %s, so that %s %s no sidecar",
			m.Namespace, m.Name, policy, does, hit(refs), getOrGets(len(refs))),
		Object:   mesh.RefTo(mesh.ConfigMaps, m.Namespace, m.Name),
		Field:    "data.config: policy",
		Evidence: []string{fmt.Sprintf("policy: %s", policy)},
		Affects:  refs,
	}
	if policy == "disabled" && !p.Scope.Named && eachOptsIn(p, left) {
		f.Severity = diagnose.Info
		f.Evidence = append(f.Evidence, "in each of these namespaces other pods opt in by themselves, which this policy is for")
	}
	f.Fix = append([]diagnose.Step{enablePolicy(m, policy)}, replaced(p, left)...)
	return f
}

// enablePolicy is the step that sets the policy in a ConfigMap's key config,
// one text of many lines. As JSON it is one line, whatever it holds.
func enablePolicy(m *core.ConfigMap, policy string) diagnose.Step {
	also := "whoever runs Istio; and set global.proxy.autoInject=enabled in the Helm values or the IstioOperator, or the next upgrade brings it back"
	if policy == "" {
		return diagnose.Step{Kind: diagnose.StepManual, Say: "add the line policy: enabled to key config (" + kubectl(m.Namespace, "edit", "configmap", m.Name) + "): " + also}
	}
	return diagnose.Step{
		Kind: diagnose.StepOther,
		Run:  kubectl(m.Namespace, "get", "configmap", m.Name) + ` -o json | sed -E 's/(\\n|")policy: (\\"|[^\\"])*(\\n|")/\1policy: enabled\3/' | ` + kubectl(m.Namespace, "replace", "-f", "-"),
		Say:  also,
	}
}

// eachOptsIn reports whether in every namespace of these workloads others ask
// for a sidecar by themselves and get it: then to be left alone without asking
// is the rule there.
func eachOptsIn(p *diagnose.Pass, left []*mesh.Workload) bool {
	optsIn := map[string]bool{}
	for _, w := range p.Workloads {
		if podValue(w) == "true" {
			if d, ok := p.DecideWorkload(w); ok && d.Inject {
				optsIn[w.Ref.Namespace] = true
			}
		}
	}
	return !slices.ContainsFunc(left, func(w *mesh.Workload) bool { return !optsIn[w.Ref.Namespace] })
}

func selectorFinding(p *diagnose.Pass, m *core.ConfigMap, reason string, left []*mesh.Workload) diagnose.Finding {
	refs := refsOf(left)
	f := diagnose.Finding{
		ID:       strings.Join([]string{injectorPolicyDisabledName, "ConfigMap", m.Namespace, m.Name, "neverInjectSelector"}, "/"),
		Severity: diagnose.Info,
		Message: fmt.Sprintf("neverInjectSelector in ConfigMap %s/%s leaves out %s, which %s no sidecar (%s)",
			m.Namespace, m.Name, hit(refs), getOrGets(len(refs)), list(refNames(left))),
		Object:   mesh.RefTo(mesh.ConfigMaps, m.Namespace, m.Name),
		Field:    "data.config: neverInjectSelector",
		Evidence: []string{reason},
		Affects:  refs,
	}
	if slices.ContainsFunc(left, func(w *mesh.Workload) bool { return !slices.Contains([]string{"Job", "CronJob", "Pod"}, w.Ref.Kind) }) {
		f.Severity = diagnose.Warning
	}
	f.Fix = append(f.Fix, diagnose.Step{
		Kind: diagnose.StepManual,
		Say: "nothing, if that is meant; else whoever runs Istio takes the selector out of key config (" + kubectl(m.Namespace, "edit", "configmap", m.Name) +
			") and out of the Helm value sidecarInjectorWebhook.neverInjectSelector",
	})
	f.Fix = append(f.Fix, ownWay(p, left)...)
	return f
}

// ownWay are the steps for a few workloads to ask for themselves, which beats
// the selectors.
func ownWay(p *diagnose.Pass, left []*mesh.Workload) []diagnose.Step {
	var steps []diagnose.Step
	for _, w := range left {
		if len(left) > 3 || !optIn().helps(p, w) {
			return nil
		}
		steps = append(steps, optIn().templateSteps(p, w)...)
	}
	if len(steps) > 0 {
		steps[0].Say = "or its owner asks for it on the pods themselves, which no selector overrides; and in the manifest or chart it comes from"
	}
	return steps
}

// getOrGets is the verb for so many workloads.
func getOrGets(n int) string {
	if n == 1 {
		return "gets"
	}
	return "get"
}
