package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookCertificateNameMismatch() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-certificate-name-mismatch",
		Area: diagnose.Webhooks,
		Doc: `A webhook calls istiod by a name that its certificate does not have

The API server expects istiod's certificate to be for NAME.NAMESPACE.svc, after
the Service in the webhook's clientConfig. istiod's certificate is for istiod,
istiod-REVISION, istiod-remote and istio-pilot in its own namespace, and for
what ISTIOD_CUSTOM_HOST names (istio.io/istio 1.29.1,
pilot/pkg/bootstrap/server.go: getDNSNames). When a webhook calls a Service of
another name, every pod it matches is refused: x509: certificate is valid for …,
not ….

Found where the Service that is called stands for istiod and its name is none of
these, or where a refusal says so.

Fix: have the webhook call istiod's own Service, or add the name to
ISTIOD_CUSTOM_HOST of istiod. A cluster administrator can do it.`,
		Severity: diagnose.Error,
		Needs:    webhookNeeds(),
		Wants:    webhookWants(mesh.Events),
		Explains: caExplains(),
		Run:      findWrongNames,
	}
}

func findWrongNames(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, u := range caUsers(p) {
		if u.plane == nil {
			continue
		}
		host := u.to.Name + "." + u.to.Namespace + ".svc"
		names, certain := certificateNames(u.plane)
		refs, words := u.refusedFor(p, causeWrongName)
		if slices.Contains(names, host) || !certain && len(refs) == 0 || serviceOf(p.Snapshot, u.to.Namespace, u.to.Name) == nil {
			continue
		}
		c := u.hooks[0].config
		f := diagnose.Finding{
			Message: fmt.Sprintf("%s calls istiod as %s, which its certificate is not for, so the API server refuses every pod it would send there", c.Name, host),
			Object:  configRef(c), Field: fieldsOf(u.hooks, "clientConfig.service.name"), Affects: routedTo(p, u.hooks),
			Evidence: []string{
				"clientConfig.service is " + u.to.Namespace + "/" + u.to.Name,
				"istiod's certificate is for " + strings.Join(names, ", "),
			},
		}
		if words != "" {
			f.Evidence = append(f.Evidence, words)
		}
		f.Fix = u.callByName(p, host)
		found = append(found, f)
	}
	return found
}

// certificateNames are the names istiod asks its certificate for; certain is
// false where its certificate is given to it (files, another CA).
func certificateNames(cp *mesh.ControlPlane) (names []string, certain bool) {
	revision := istiodRevision(cp.Deployment)
	short := []string{"istiod", "istiod-remote", "istio-pilot"}
	if revision != "default" {
		short = append(short, serviceName(revision))
	}
	for _, n := range short {
		names = append(names, n+"."+cp.Namespace+".svc")
	}
	if custom := istiodEnv(cp.Deployment, "ISTIOD_CUSTOM_HOST"); custom != "" {
		names = append(names, strings.Split(custom, ",")...)
	}
	certain = true
	for _, c := range cp.Deployment.Spec.Template.Spec.Containers {
		for _, a := range slices.Concat(c.Args, c.Command) {
			certain = certain && !strings.HasPrefix(a, "--tlsCertFile")
		}
	}
	provider := istiodEnv(cp.Deployment, "PILOT_CERT_PROVIDER")
	return names, certain && (provider == "" || provider == "istiod")
}

// callByName are the steps that have the webhooks call istiod by its own name.
func (u caUser) callByName(p *diagnose.Pass, host string) []diagnose.Step {
	for _, name := range []string{serviceName(istiodRevision(u.plane.Deployment)), "istiod"} {
		if serviceOf(p.Snapshot, u.plane.Namespace, name) == nil {
			continue
		}
		return []diagnose.Step{patchHooks("has the API server call istiod by a name its certificate is for", u.hooks, func(h injectorHook) []patchOp {
			return []patchOp{h.set("clientConfig.service.name", name), h.set("clientConfig.service.namespace", u.plane.Namespace)}
		})}
	}
	return []diagnose.Step{{
		Run:  kubectl(u.plane.Namespace, "set", "env", "deployment/"+u.plane.Deployment.Name, pair("ISTIOD_CUSTOM_HOST", host)),
		Say:  "adds the name to istiod's certificate",
		Kind: diagnose.StepOther,
	}}
}
