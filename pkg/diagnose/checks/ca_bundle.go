package checks

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// caUser is the webhooks of one configuration that call one Service, and the
// istiod that answers there.
type caUser struct {
	hooks []injectorHook
	to    *admissionv1.ServiceReference
	plane *mesh.ControlPlane // nil when there is none, or it was not read
	root  bundle             // of istio-ca-root-cert in the Service's namespace
}

// caUsers lists who verifies istiod with a CA bundle. Webhooks that call a URL
// are left out: their certificate is whatever somebody put in front of an
// external control plane.
func caUsers(p *diagnose.Pass) []caUser {
	called := withHooks(injectorHooks(p.Snapshot), func(w *admissionv1.MutatingWebhook) bool { return w.ClientConfig.Service != nil })
	var users []caUser
	for _, hooks := range called {
		u := caUser{hooks: hooks, to: hooks[0].hook().ClientConfig.Service}
		u.plane = answering(p, u.to)
		u.root = publishedRoot(p.Snapshot, u.to.Namespace)
		users = append(users, u)
	}
	return users
}

// publishedRoot is the root that the istiod of a namespace publishes there, in
// ConfigMap istio-ca-root-cert. It is empty where that is the root of an istiod
// of another namespace: without discoverySelectors each writes the ConfigMap
// into all namespaces, and the last of them wins.
func publishedRoot(s *mesh.Snapshot, namespace string) bundle {
	m := rootCert(s, namespace)
	if m == nil {
		return nil
	}
	root := readBundle([]byte(m.Data[rootCertKey]))
	for _, h := range injectorHooks(s) {
		c := h.hook().ClientConfig
		if h.active() && c.Service != nil && c.Service.Namespace != namespace && readBundle(c.CABundle).shares(root) {
			return nil
		}
	}
	return root
}

// only keeps the hooks that a condition holds for.
func (u caUser) only(holds func(*admissionv1.MutatingWebhook) bool) caUser {
	u.hooks = slices.DeleteFunc(slices.Clone(u.hooks), func(h injectorHook) bool { return !holds(h.hook()) })
	return u
}

// fix are the steps that put istiod's root into the hooks' CA bundles. istiod
// does it itself whenever a configuration of its revision changes
// (istio.io/istio 1.29.1, pkg/webhooks/webhookpatch.go), so that a wrong bundle
// that stays is one istiod may not write, or thinks is right.
func (u caUser) fix() []diagnose.Step {
	w, known := lastWriter(&u.hooks[0].config.ObjectMeta, "caBundle")
	switch {
	case u.plane != nil && known && w.manager == "pilot-discovery":
		return []diagnose.Step{restartIstiod(u.plane, "istiod wrote this bundle itself; when it starts it loads its CA and writes the bundle again")}
	case len(u.root) > 0:
		return []diagnose.Step{u.copyRoot()}
	case u.plane != nil:
		return []diagnose.Step{restartIstiod(u.plane, "when istiod starts, it writes its root into the configurations of its revision")}
	}
	return []diagnose.Step{{
		Kind: diagnose.StepManual,
		Say: fmt.Sprintf("no istiod that answers for Service %s/%s was found, nor its root (ConfigMap %s/%s): start istiod, which then fills in caBundle, or delete the configuration if its revision is gone",
			u.to.Namespace, u.to.Name, u.to.Namespace, rootCertName),
	}}
}

// copyRoot is the command that copies the published root into the bundles. The
// certificate is read when the command runs: it is long, and may have changed.
func (u caUser) copyRoot() diagnose.Step {
	const mark = "$CA" // no other value of a patch is this text
	step := patchHooks("copies istiod's root from ConfigMap "+u.to.Namespace+"/"+rootCertName+
		"; where Helm or a GitOps tool resets it, have it leave caBundle alone (Argo CD: ignoreDifferences .webhooks[].clientConfig.caBundle)",
		u.hooks, func(h injectorHook) []patchOp { return []patchOp{h.set("clientConfig.caBundle", mark)} })
	read := kubectl(u.to.Namespace, "get", "configmap", rootCertName, "-o", `jsonpath={.data.root-cert\.pem}`)
	step.Run = "CA=$(" + read + ` | base64 | tr -d '\n') && ` + strings.ReplaceAll(step.Run, `"value":"`+mark+`"`, `"value":"'"`+mark+`"'"`)
	return step
}

// writtenBy is evidence of who last wrote the CA bundles.
func (u caUser) writtenBy() []string {
	if w, ok := lastWriter(&u.hooks[0].config.ObjectMeta, "caBundle"); ok {
		return []string{"caBundle " + w.String()}
	}
	return nil
}

// refusedFor lists the workloads whose current refusals have a cause and name
// one of the hooks, and came after the CA bundle was last written: of the
// bundle as it is now.
func (u caUser) refusedFor(p *diagnose.Pass, c cause) (refs []mesh.Ref, words string) {
	written, known := lastWriter(&u.hooks[0].config.ObjectMeta, "caBundle")
	for _, r := range refusals(p) {
		if r.Cause != c || !known || !r.Last.After(written.time) {
			continue
		}
		d, _ := p.DecideWorkload(r.Workload)
		if d.By == nil || d.By.Config != u.hooks[0].config.Name || r.Webhook != d.By.Webhook {
			continue
		}
		if refs == nil {
			words = oneLine(r.Message)
		}
		refs = append(refs, r.Workload.Ref)
	}
	return refs, words
}

// caExplains are the checks whose findings a certificate that cannot be
// verified causes.
func caExplains() []string { return []string{"pod-creation-refused", "webhook-calls-failed-before"} }
