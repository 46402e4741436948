package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func allD1() []diagnose.Check {
	return []diagnose.Check{
		mutatingAdmissionPluginDisabled(),
		admissionregistrationAPIDisabled(),
		apiServerProxyMisconfigured(),
		istiodUnreachableFromAPIServer(),
		apiServerNoRouteToPods(),
		webhookCallsFailedBefore(),
		istiodOverloaded(),
		webhookHostNotFound(),
		istiodNoEndpoints(),
		istiodRefusesConnections(),
		networkPolicyBlocksWebhook(),
		clockSkew(),
		podCreationRefused(),
	}
}
