package checks

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// expirySoon is how long before its end a root is reported.
const expirySoon = 30 * 24 * time.Hour

func caBundleExpired() diagnose.Check {
	return diagnose.Check{
		Name: "ca-bundle-expired",
		Area: diagnose.Webhooks,
		Doc: `The certificate authority of istiod's webhooks has expired or soon will

The API server verifies istiod with the certificates in
webhooks[].clientConfig.caBundle, which is the root of the mesh's own CA. When
all of them are out of date, every pod the webhook matches is refused: x509:
certificate has expired or is not yet valid. The same root signs the proxies'
certificates, so that mutual TLS ends with it.

Found by reading the dates of the bundle's certificates, and of the root in
ConfigMap istio-ca-root-cert: an error when the last of them has ended (or has
not begun), a warning 30 days before. Also where a refusal with that text is
younger than the bundle: then it is istiod's serving certificate.

Fix: a root that istiod made for itself is made anew when the secret
istio-ca-secret is deleted and istiod restarted; a root of your own (secret
cacerts) has to be issued anew by whoever runs that CA. Both times every proxy
must be restarted, to trust the new root. A cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(mesh.Events),
		Explains: slices.Concat(caExplains(), []string{"ca-bundle-mismatch", "clock-skew"}),
		Run:      findExpired,
	}
}

func findExpired(p *diagnose.Pass) []diagnose.Finding {
	now := p.Snapshot.Time
	var found []diagnose.Finding
	for _, user := range caUsers(p) {
		u := user.only(func(w *admissionv1.MutatingWebhook) bool { return endsSoon(readBundle(w.ClientConfig.CABundle), now) })
		if len(u.hooks) > 0 {
			found = append(found, u.expired(p))
			continue
		}
		refs, words := user.refusedFor(p, causeExpired)
		if len(refs) > 0 && user.plane != nil {
			c := user.hooks[0].config
			found = append(found, diagnose.Finding{
				Message: fmt.Sprintf("the certificate istiod in %s serves its webhook with is out of its dates: the API server refuses the pods of %s", user.to.Namespace, hit(refs)),
				Object:  configRef(c), Field: fieldsOf(user.hooks, "clientConfig.service"), Affects: refs,
				Evidence: []string{words, "caBundle: " + readBundle(user.hooks[0].hook().ClientConfig.CABundle).String()},
				Fix:      []diagnose.Step{restartIstiod(user.plane, "istiod makes its serving certificate anew when it starts")},
			})
		}
	}
	return found
}

// endsSoon reports whether no certificate of a bundle is valid for long.
func endsSoon(b bundle, now time.Time) bool {
	lasts := func(c *x509.Certificate) bool { return !c.NotBefore.After(now) && c.NotAfter.Sub(now) >= expirySoon }
	return len(b) > 0 && !slices.ContainsFunc(b, lasts)
}

func (u caUser) expired(p *diagnose.Pass) diagnose.Finding {
	now, c := p.Snapshot.Time, u.hooks[0].config
	b := readBundle(u.hooks[0].hook().ClientConfig.CABundle)
	last := b.last()
	refs := routedTo(p, u.hooks)
	f := diagnose.Finding{
		Object: configRef(c), Field: fieldsOf(u.hooks, "clientConfig.caBundle"), Affects: refs,
		Evidence: []string{"caBundle: " + b.String()},
	}
	switch left := last.NotAfter.Sub(now); {
	case left <= 0:
		f.Message = fmt.Sprintf("the CA in %s expired on %s: the API server refuses every pod it would send to Service %s/%s", c.Name, day(last.NotAfter), u.to.Namespace, u.to.Name)
	case last.NotBefore.After(now):
		f.Message = fmt.Sprintf("the CA in %s is not valid before %s: the API server refuses every pod it would send to Service %s/%s", c.Name, last.NotBefore.UTC().Format(time.RFC3339), u.to.Namespace, u.to.Name)
	default:
		f.Severity = diagnose.Warning
		f.Message = fmt.Sprintf("the CA in %s expires in %s, on %s: then the API server refuses every pod it sends to Service %s/%s, and mutual TLS ends", c.Name, daysLeft(left), day(last.NotAfter), u.to.Namespace, u.to.Name)
	}
	if len(u.root) > 0 {
		f.Evidence = append(f.Evidence, "ConfigMap "+u.to.Namespace+"/"+rootCertName+": "+u.root.String())
	}
	f.Evidence = append(f.Evidence, "looked at "+now.UTC().Format(time.RFC3339))
	f.Fix = u.renew(p, last, f.Severity == diagnose.Warning)
	return f
}

// renew are the steps to a CA that is valid.
func (u caUser) renew(p *diagnose.Pass, last *x509.Certificate, soon bool) []diagnose.Step {
	if len(u.root) > 0 && !endsSoon(u.root, p.Snapshot.Time) {
		return u.fix() // istiod's CA is newer than the bundle
	}
	proxies := diagnose.Step{Kind: diagnose.StepManual, Say: "then restart every workload with a sidecar and every gateway, so that they trust the new root"}
	switch {
	case u.plane == nil:
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "whoever runs the control plane has to renew its CA and put the new root into caBundle"}, proxies}
	case last.NotBefore.After(p.Snapshot.Time):
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "set the clocks of the machine that issued the CA and of the control-plane nodes right (NTP), or issue the CA anew"}}
	case selfSigned(last):
		del := diagnose.Step{
			Run:  kubectl(u.plane.Namespace, "delete", "secret", "istio-ca-secret", "--ignore-not-found"),
			Say:  "istiod makes a new CA when it starts without one",
			Kind: diagnose.StepOther,
		}
		if soon {
			del.Say += "; do it in a quiet hour, since proxies trust only the old root until they are restarted"
		}
		return append([]diagnose.Step{del, restartIstiod(u.plane, "")}, append(restarts(u.meshed(p)), proxies)...)
	}
	return []diagnose.Step{
		{Kind: diagnose.StepManual, Say: "whoever runs the CA of secret " + u.plane.Namespace + "/cacerts has to issue it anew; put the new certificates into the secret"},
		restartIstiod(u.plane, "istiod then writes the new root into caBundle and "+rootCertName),
		proxies,
	}
}

// meshed are the workloads asked about that run a proxy.
func (u caUser) meshed(p *diagnose.Pass) []mesh.Ref {
	var refs []mesh.Ref
	for _, w := range p.Workloads {
		if slices.ContainsFunc(w.Pods, mesh.InMesh) {
			refs = append(refs, w.Ref)
		}
	}
	return refs
}
