package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func ruleUnreachable() diagnose.Check {
	return routing("rule-unreachable", diagnose.Warning, `A rule gets no requests, since an earlier one takes them all

Rules of a VirtualService are tried in their order. One without conditions, or
with conditions that a later rule's are a part of, leaves that one nothing; Istio
does not even send it to the proxies.

Found by comparing each rule's conditions with those of the rules before it. The
fix moves the rule before the one that takes its requests, or removes it.
`, "IST0130")
}

func noCatchAll() diagnose.Check {
	return routing("no-catch-all", diagnose.Warning, `A service has rules, and none for all other requests

Once a service has a VirtualService, requests that none of its rules takes are
answered with 404 and the response flag NR, instead of being balanced over all
endpoints.

Found by looking for a rule without conditions among those that clients in the
mesh follow; what is decided by port or client before a request is made does not
count as a condition. The fix adds a rule at the end.
`)
}

func faultDisablesTimeout() diagnose.Check {
	return routing("fault-disables-timeout", diagnose.Warning, `A rule has a fault, so that its timeout and retries do not hold

Istio applies neither to requests of a rule that delays or aborts on purpose
(istio.io/api 1.29, networking/v1alpha3/virtual_service.proto: HTTPRoute.fault).
A test of how callers take a slow service must delay one service and time out at
another.

Found by rules that have both. The fix puts the timeout where the callers of this
service are called, or takes the fault away.
`)
}

func staleFault() diagnose.Check {
	return routing("stale-fault", diagnose.Warning, `A service is slowed down or failed on purpose for longer than meant

Somebody injected a fault with route fault --review-after or --for, and the time
at which it should have been looked at has passed. Nothing removes it by itself.

Found by the time that the command noted on the object. The fix takes the fault
away; reset --expired does so for all of a service.
`)
}
