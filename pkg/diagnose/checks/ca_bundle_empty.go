package checks

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

func caBundleEmpty() diagnose.Check {
	return diagnose.Check{
		Name: "ca-bundle-empty",
		Area: diagnose.Webhooks,
		Doc: `A webhook has no CA bundle, so the API server does not trust istiod

The API server calls istiod over TLS and verifies its certificate with
webhooks[].clientConfig.caBundle. The chart leaves it empty and istiod fills it
in, for configurations that carry its revision in the label istio.io/rev. When
it is empty, every pod the webhook matches is refused: x509: certificate signed
by unknown authority. It stays empty when a GitOps tool resets it again and
again, when istiod may not update webhook configurations, when
INJECTION_WEBHOOK_CONFIG_NAME is empty, or when the label names another
revision, which has a check of its own.

Found in the configuration; managedFields tell who wrote the field last.
Webhooks that call a URL may have none.

Fix: copy istiod's root, which it publishes in ConfigMap istio-ca-root-cert,
with the printed command, and have what resets the field leave it alone. A
cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(),
		Explains: caExplains(),
		Run:      findEmptyBundles,
	}
}

func findEmptyBundles(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, u := range caUsers(p) {
		u = u.only(func(w *admissionv1.MutatingWebhook) bool { return len(w.ClientConfig.CABundle) == 0 })
		if len(u.hooks) == 0 {
			continue
		}
		c := u.hooks[0].config
		refs := routedTo(p, u.hooks)
		f := diagnose.Finding{
			Message: fmt.Sprintf("%s has no CA bundle: the API server cannot verify istiod's certificate and refuses every pod it would send to Service %s/%s", c.Name, u.to.Namespace, u.to.Name),
			Object:  configRef(c), Field: fieldsOf(u.hooks, "clientConfig.caBundle"), Affects: refs,
			Evidence: append([]string{"clientConfig.caBundle is empty: " + hookNames(u.hooks)}, u.writtenBy()...),
			Fix:      u.fix(),
		}
		found = append(found, f)
	}
	return found
}
