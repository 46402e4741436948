package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

// All returns every check. Their order is that of findings of the same
// severity: what everything else depends on first.
func All() []diagnose.Check {
	return []diagnose.Check{
		// The API server's admission, and its way to istiod.
		mutatingAdmissionPluginDisabled(),
		admissionregistrationAPIDisabled(),
		apiServerProxyMisconfigured(),
		clockSkew(),

		// istiod.
		injectorValuesBroken(),
		injectionTemplateVersionMismatch(),
		istiodInjectorNotRunning(),
		istiodRevisionMismatch(),
		istiodNoEndpoints(),
		istiodRefusesConnections(),
		networkPolicyBlocksWebhook(),
		istiodOverloaded(),

		// The webhooks.
		injectorWebhookMissing(),
		injectorWebhookDeactivated(),
		noDefaultRevision(),
		webhookServiceMissing(),
		webhookURLFails(),
		webhookHostNotFound(),
		webhookSelectorModified(),
		webhookAdmissionsEnforcer(),
		webhookMatchConditionsExclude(),
		webhookRulesModified(),
		webhookRevisionLabelWrong(),
		caBundleEmpty(),
		caBundleExpired(),
		caBundleMismatch(),
		webhookCertificateNameMismatch(),
		webhooksOverlap(),
		webhookFailurePolicyIgnore(),
		webhookTimeoutTooShort(),
		webhookOrder(),

		// The network, told by what failed.
		apiServerNoRouteToPods(),
		istiodUnreachableFromAPIServer(),

		// Namespaces, labels and policy.
		injectorPolicyDisabled(),
		namespaceLabelMisspelt(),
		revisionUnknown(),
		namespaceLabelsConflictCheck(),
		namespaceNotLabelled(),
		podOptInIgnored(),
		injectAnnotationIgnoredCheck(),
		injectKeyOnWorkload(),
		injectValueMisspelt(),
		ambientAndSidecarLabels(),
		systemNamespace(),
		podOptedOut(),
		hostNetwork(),
		staticPod(),
		injectionDecided(),

		// What istiod and the API server make of an injected pod.
		injectionTemplateUnknown(),
		annotationInvalid(),
		canonicalNameInvalid(),
		sidecarNameTaken(),
		podSecurityRejectsSidecar(),
		quotaRejectsSidecar(),
		podCreationRefused(),
		webhookCallsFailedBefore(),

		// Running pods.
		podOlderThanInjection(),
		imageAutoNotInjected(),
		rootCertMissing(),
		proxyImageNotPulled(),
		proxyNotReady(),
		runsAsProxyUser(),
		reservedPortUsed(),
		jobNeverCompletes(),
		revisionChanged(),
		proxyVersionSkew(),
		captureDisabled(),

		// How requests are routed.
		subsetMissing(),
		serviceMissing(),
		subsetWithoutEndpoints(),
		weightsSumZero(),
		gatewayMissing(),
		ambientWithoutWaypoint(),
		virtualServiceHostConflict(),
		routeAPIsConflict(),
		destinationRuleHidden(),
		delegateWithoutEffect(),
		rulesWithoutEffect(),
		hostNotResolved(),
		noCatchAll(),
		ruleUnreachable(),
		staleFault(),
		faultDisablesTimeout(),
		subsetPolicyInactive(),
		ejectionNeverPossible(),
	}
}
