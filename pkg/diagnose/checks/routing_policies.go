package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func ejectionNeverPossible() diagnose.Check {
	return routing("ejection-never-possible", diagnose.Warning, `Failing endpoints are never taken out, since there are too few

Envoy takes an endpoint out only if those taken out stay within
maxEjectionPercent of all. Istio's default of 10 percent of fewer than ten
endpoints is less than one, so that outlier detection does nothing.

Found by the percentage and the number of ready endpoints. The fix raises the
percentage.
`)
}

func subsetPolicyInactive() diagnose.Check {
	return routing("subset-policy-inactive", diagnose.Warning, `The policy of a subset holds for nobody

Connection limits, outlier detection and load balancing of a subset are used only
for requests that a rule sends to that subset; without one, requests go to the
whole service.

Found by subsets with a policy that no rule names. The fix sends requests there
by a rule, or puts the policy on the whole service.
`)
}
