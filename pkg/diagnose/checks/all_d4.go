package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func allD4() []diagnose.Check {
	return []diagnose.Check{
		injectorValuesBroken(),
		injectionTemplateVersionMismatch(),
		injectionTemplateUnknown(),
		annotationInvalid(),
		canonicalNameInvalid(),
		podSecurityRejectsSidecar(),
		quotaRejectsSidecar(),
		sidecarNameTaken(),
		imageAutoNotInjected(),
		runsAsProxyUser(),
		reservedPortUsed(),
		jobNeverCompletes(),
		captureDisabled(),
	}
}
