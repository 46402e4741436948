package checks

import "github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"

func allD5() []diagnose.Check {
	return []diagnose.Check{
		istiodRevisionMismatch(),
		istiodInjectorNotRunning(),
		webhookURLFails(),
		rootCertMissing(),
		proxyImageNotPulled(),
		proxyNotReady(),
	}
}
