package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookCallsFailedBefore() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-calls-failed-before",
		Area: diagnose.APIServer,
		Doc: `Calls to istiod failed and no longer do; some workloads still wait for a retry

While istiod was not there, or right after it came back, the API server refused pods. What it complained of is over: the Service has ready endpoints, or istiod became ready, or pods have been injected since. But controllers try again ever more rarely, up to 16 minutes apart, so workloads can go on lacking pods for a while.

It is found by comparing the time and the words of the last refusal, in events and conditions, with the state of the webhook's Service, istiod's pods and the webhook configuration now. Timeouts that come and go after istiod or a node was replaced can also be connections that the API server keeps to the istiod of before; a restart of istiod ends those.

Nothing needs to be done but to wait; a rollout restart of the waiting workloads makes their controllers try at once. Whoever may change the workloads can.`,
		Severity: diagnose.Warning,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces, mesh.Services, mesh.EndpointSlices},
		Wants:    backendKinds(),
		Explains: []string{"pod-creation-refused"},
		Run:      runWebhookCallsFailedBefore,
	}
}

func runWebhookCallsFailedBefore(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	all := refusals(p)
	for _, b := range backends(p.Snapshot) {
		_, over := b.split(p.Snapshot, b.refused(p, all, callFailures()...))
		if len(over) == 0 {
			continue
		}
		var refs []mesh.Ref
		last := over[0]
		for _, r := range over {
			refs = append(refs, r.Workload.Ref)
			if r.Last.After(last.Last) {
				last = r
			}
		}
		verb := "wait"
		if len(refs) == 1 {
			verb = "waits"
		}
		found = append(found, diagnose.Finding{
			Object: b.ref(),
			Message: fmt.Sprintf("Calls to %s failed until %s, but %s; %s %s for the next try to create pods",
				b, clock(last.Last), b.healed(p.Snapshot, last), hit(refs), verb),
			Evidence: []string{last.Workload.Ref.String() + ": " + last.Message, "last seen at " + clock(last.Last)},
			Affects:  refs,
			Fix:      hurry(refs),
		})
	}
	return found
}

// hurry makes controllers try again at once.
func hurry(refs []mesh.Ref) []diagnose.Step {
	steps := restarts(refs)
	if len(steps) == 0 {
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "wait up to 16 minutes: their controllers try again by themselves"}}
	}
	for i := range steps {
		if steps[i].Say == "" {
			steps[i].Say = "or wait up to 16 minutes"
		}
	}
	return steps
}
