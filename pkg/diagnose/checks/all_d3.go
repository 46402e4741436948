package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func allD3() []diagnose.Check {
	return []diagnose.Check{
		namespaceNotLabelled(),
		namespaceLabelMisspelt(),
		revisionUnknown(),
		namespaceLabelsConflictCheck(),
		podOptInIgnored(),
		injectAnnotationIgnoredCheck(),
		injectKeyOnWorkload(),
		podOptedOut(),
		injectValueMisspelt(),
		podOlderThanInjection(),
		hostNetwork(),
		systemNamespace(),
		injectorPolicyDisabled(),
		staticPod(),
		injectionDecided(),
	}
}
