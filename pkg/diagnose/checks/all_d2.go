package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func allD2() []diagnose.Check {
	return []diagnose.Check{
		injectorWebhookMissing(),
		injectorWebhookDeactivated(),
		noDefaultRevision(),
		webhookSelectorModified(),
		webhookAdmissionsEnforcer(),
		webhookMatchConditionsExclude(),
		webhookRulesModified(),
		webhookFailurePolicyIgnore(),
		webhookRevisionLabelWrong(),
		caBundleEmpty(),
		caBundleMismatch(),
		caBundleExpired(),
		webhookCertificateNameMismatch(),
		webhookServiceMissing(),
		webhooksOverlap(),
		webhookOrder(),
		webhookTimeoutTooShort(),
		revisionChanged(),
		proxyVersionSkew(),
		ambientAndSidecarLabels(),
	}
}
