package checks

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func caBundleMismatch() diagnose.Check {
	return diagnose.Check{
		Name: "ca-bundle-mismatch",
		Area: diagnose.Webhooks,
		Doc: `A webhook's CA bundle is not of the CA that signed istiod's certificate

The API server verifies istiod with webhooks[].clientConfig.caBundle. When
istiod's CA was replaced (secret cacerts or istio-ca-secret), or a manifest with
the bundle of another cluster was applied, it does not verify, and every pod the
webhook matches is refused: x509: certificate signed by unknown authority.

Found by comparing the bundle with ConfigMap istio-ca-root-cert in istiod's
namespace, in which istiod publishes its root: they must have an authority (name
and key) in common, not be equal. Also where a refusal with that text is younger
than the bundle.

Fix: copy the root into the bundle with the printed command, or, where istiod
wrote the wrong bundle itself, restart istiod. A cluster administrator can do
it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(mesh.Events),
		Explains: caExplains(),
		Run:      findMismatches,
	}
}

func findMismatches(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, user := range caUsers(p) {
		u := user.only(func(w *admissionv1.MutatingWebhook) bool {
			b := readBundle(w.ClientConfig.CABundle)
			return len(w.ClientConfig.CABundle) > 0 && (len(b) == 0 || len(user.root) > 0 && !b.shares(user.root))
		})
		if len(u.hooks) > 0 {
			found = append(found, u.mismatch(p))
			continue
		}
		if f, ok := user.distrusted(p); ok {
			found = append(found, f)
		}
	}
	return found
}

func (u caUser) mismatch(p *diagnose.Pass) diagnose.Finding {
	c := u.hooks[0].config
	b := readBundle(u.hooks[0].hook().ClientConfig.CABundle)
	refs := routedTo(p, u.hooks)
	what := "does not verify istiod's certificate: it is of another CA than " + rootCertName + " in " + u.to.Namespace
	if len(b) == 0 {
		what = "holds no certificate that can be read"
	}
	f := diagnose.Finding{
		Message: fmt.Sprintf("the CA bundle of %s %s, so the API server refuses every pod it would send to Service %s/%s", c.Name, what, u.to.Namespace, u.to.Name),
		Object:  configRef(c), Field: fieldsOf(u.hooks, "clientConfig.caBundle"), Affects: refs,
		Evidence: []string{"caBundle: " + b.String()},
		Fix:      u.fix(),
	}
	if len(u.root) > 0 {
		f.Evidence = append(f.Evidence, "ConfigMap "+u.to.Namespace+"/"+rootCertName+": "+u.root.String())
	}
	f.Evidence = append(f.Evidence, u.writtenBy()...)
	return f
}

// distrusted answers where bundle and root agree, but the API server still
// says that istiod's certificate is of another CA: istiod serves an old one.
func (u caUser) distrusted(p *diagnose.Pass) (diagnose.Finding, bool) {
	refs, words := u.refusedFor(p, causeUnknownAuthority)
	if len(refs) == 0 || u.plane == nil || len(u.root) == 0 {
		return diagnose.Finding{}, false
	}
	c := u.hooks[0].config
	return diagnose.Finding{
		Message: fmt.Sprintf("istiod in %s answers with a certificate of another CA than it published: the API server refuses the pods of %s, though the CA bundle of %s is %s",
			u.to.Namespace, hit(refs), c.Name, rootCertName),
		Object: configRef(c), Field: fieldsOf(u.hooks, "clientConfig.caBundle"), Affects: refs,
		Evidence: append([]string{words, "caBundle: " + readBundle(u.hooks[0].hook().ClientConfig.CABundle).String()}, u.writtenBy()...),
		Fix:      []diagnose.Step{restartIstiod(u.plane, "istiod makes its serving certificate anew when it starts")},
	}, true
}
