package checks

import (
	"fmt"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// schedulingFix is what helps a pod that finds no node.
func schedulingFix(s *mesh.Snapshot, p *core.Pod, said string) []diagnose.Step {
	var steps []diagnose.Step
	for _, n := range s.Nodes {
		if n.Spec.Unschedulable && strings.Contains(said, "unschedulable") {
			steps = append(steps, diagnose.Step{Kind: diagnose.StepOther, Run: kubectl("", "uncordon", n.Name)})
		}
	}
	if len(steps) > 0 {
		return steps
	}
	var asks []string
	for _, c := range p.Spec.Containers {
		for _, r := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory} {
			if q, ok := c.Resources.Requests[r]; ok {
				asks = append(asks, fmt.Sprintf("%s %s", r, q.String()))
			}
		}
	}
	say := "give istiod a node that it fits on, whoever runs the nodes"
	if strings.Contains(said, "Insufficient") && len(asks) > 0 {
		say += "; or ask for less than " + strings.Join(asks, " and ") + " (values pilot.resources.requests)"
	} else {
		say += "; or change what keeps it off the nodes there are (pilot.nodeSelector, pilot.affinity, pilot.tolerations)"
	}
	return []diagnose.Step{{Kind: diagnose.StepManual, Say: say}}
}

// memoryFix doubles the memory limit of a container.
func (b *backend) memoryFix(p *core.Pod, container string) []diagnose.Step {
	for _, c := range p.Spec.Containers {
		limit, ok := c.Resources.Limits[core.ResourceMemory]
		if c.Name != container || !ok || b.deployment == nil {
			continue
		}
		limit.Add(limit)
		return []diagnose.Step{{
			Kind: diagnose.StepOther,
			Run:  kubectl(b.namespace, "set", "resources", "deployment", b.deployment.Name, "-c", container, "--limits=memory="+limit.String()),
			Say:  fmt.Sprintf("and keep it in the values it is installed with: pilot.resources.limits.memory=%s", limit.String()),
		}}
	}
	return []diagnose.Step{{Kind: diagnose.StepManual, Say: "the node ran out of memory: give istiod a larger memory request (values pilot.resources.requests.memory) or a larger node"}}
}

// refusedFix is what helps when the API server refuses istiod's own pods.
func (b *backend) refusedFix(said string) []diagnose.Step {
	retry := b.restart("")
	if run, ok := quotaPatch(b.namespace, said); ok {
		return append([]diagnose.Step{{Kind: diagnose.StepOther, Run: run, Say: "raises the quota by what istiod lacks"}}, retry...)
	}
	return append([]diagnose.Step{{
		Kind: diagnose.StepManual,
		Say:  "let the pods of istiod through: change what the message names (a quota, a Pod Security level, a policy, another webhook), whoever owns it",
	}}, retry...)
}

// quotaPatch raises what a quota refused, as its message counts it
// (k8s.io/apiserver v0.35.0, pkg/admission/plugin/resourcequota/controller.go):
// "exceeded quota: NAME, requested: pods=1, used: pods=0, limited: pods=0".
func quotaPatch(namespace, said string) (string, bool) {
	_, rest, ok := strings.Cut(said, "exceeded quota: ")
	name, rest, ok2 := strings.Cut(rest, ", requested: ")
	requested, rest, ok3 := strings.Cut(rest, ", used: ")
	used, _, ok4 := strings.Cut(rest, ", limited: ")
	if !ok || !ok2 || !ok3 || !ok4 {
		return "", false
	}
	have, hard := quantities(used), map[string]string{}
	for k, q := range quantities(requested) {
		q.Add(have[k])
		hard[k] = q.String()
	}
	if len(hard) == 0 || len(validation.IsDNS1123Subdomain(name)) > 0 { // anybody can write an event
		return "", false
	}
	return kubectl(namespace, "patch", "resourcequota", name, "--type=merge", "-p", asJSON(map[string]any{"spec": map[string]any{"hard": hard}})), true
}

func quantities(s string) map[string]resource.Quantity {
	all := map[string]resource.Quantity{}
	for pair := range strings.SplitSeq(s, ",") {
		name, amount, _ := strings.Cut(pair, "=")
		if q, err := resource.ParseQuantity(amount); err == nil {
			all[name] = q
		}
	}
	return all
}

func (b *backend) logs(p *core.Pod, previous bool) []diagnose.Step {
	args := []string{"logs", p.Name}
	if previous {
		args = append(args, "--previous")
	}
	return []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl(b.namespace, args...), Say: "shows why"}}
}

func (b *backend) restart(say string) []diagnose.Step {
	if b.deployment == nil {
		return nil
	}
	return []diagnose.Step{{Kind: diagnose.StepRestart, Run: kubectl(b.namespace, "rollout", "restart", "deployment/"+b.deployment.Name), Say: say}}
}

func (b *backend) owner(p *core.Pod) string {
	if b.deployment == nil {
		return p.Name
	}
	return b.deployment.Name
}
