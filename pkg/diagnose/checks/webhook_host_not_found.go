package checks

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func webhookHostNotFound() diagnose.Check {
	return diagnose.Check{
		Name: "webhook-host-not-found",
		Area: diagnose.Webhooks,
		Doc: `The API server cannot resolve the host of an injection webhook

A webhook that names its server by clientConfig.url is looked up in the DNS of the API server's hosts, not in that of the cluster. When the name is not known there, calls fail with "no such host" and pods are refused; with failurePolicy Ignore they start without a sidecar.

It is found from the API server's words in events and conditions. A url whose host is the name of a Service (it ends in .svc or .svc.cluster.local) is a warning even before: most API servers cannot resolve those, clientConfig.service is the way.

To fix it, name the Service in clientConfig.service where the control plane runs in this cluster; else correct the url (values istiodRemote.injectionURL, or global.remotePilotAddress) or the DNS of the control plane's hosts. Whoever installed this control plane can.`,
		Severity: diagnose.Error,
		Needs:    []mesh.Kind{mesh.MutatingWebhooks, mesh.Namespaces},
		Wants:    backendKinds(mesh.EndpointSlices),
		Explains: []string{"pod-creation-refused"},
		Aliases:  []string{"IST0163", "IST0164"},
		Run:      runWebhookHostNotFound,
	}
}

func runWebhookHostNotFound(p *diagnose.Pass) []diagnose.Finding {
	said := map[string]refusal{}
	for _, r := range refusals(p) {
		d, _ := p.DecideWorkload(r.Workload)
		if r.Cause == causeNoSuchHost && d.By != nil && mesh.IsInjector(r.Webhook) && changedBefore(p, d.By.Config, r) {
			said[d.By.Config] = r
		}
	}
	var found []diagnose.Finding
	for _, c := range mesh.Injectors(p.Snapshot) {
		i, host := urlHost(c)
		r, failed := said[c.Name]
		inCluster := strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")
		if !failed && (!inCluster || lastInjected(p.Snapshot, mesh.RevisionOf(c.Labels)).After(changed(c))) {
			continue
		}
		refs := p.RoutedTo(c.Name)
		f := diagnose.Finding{
			Severity: diagnose.Warning, Object: mesh.RefTo(mesh.MutatingWebhooks, "", c.Name), Affects: refs,
			Message: fmt.Sprintf("MutatingWebhookConfiguration %s calls the url of host %s, a name of the cluster's own DNS, which most API servers cannot resolve", c.Name, host),
		}
		if host != "" {
			f.Field = fmt.Sprintf("webhooks[%d].clientConfig.url", i)
			f.Evidence = []string{fmt.Sprintf("%s: %s", f.Field, *c.Webhooks[i].ClientConfig.URL)}
		}
		if failed {
			f.Severity = diagnose.Error
			f.Message = fmt.Sprintf("The API server cannot resolve the host that MutatingWebhookConfiguration %s calls%s, so it refuses new pods, of %s", c.Name, after(", ", host), hit(refs))
			f.Evidence = append(f.Evidence, r.Workload.Ref.String()+": "+r.Message)
		}
		f.Fix = hostFix(p, c, host, inCluster)
		found = append(found, f)
	}
	return found
}

// changedBefore reports whether a configuration has stayed as it is since a
// refusal, so that what was refused still is.
func changedBefore(p *diagnose.Pass, config string, r refusal) bool {
	for _, c := range mesh.Injectors(p.Snapshot) {
		if c.Name == config {
			return !changed(c).After(r.Last)
		}
	}
	return true
}

// urlHost is the first webhook that is called by url, and the host of that.
func urlHost(c *admissionv1.MutatingWebhookConfiguration) (int, string) {
	for i, w := range c.Webhooks {
		if w.ClientConfig.URL == nil || !mesh.IsInjector(w.Name) || deactivated(w) {
			continue
		}
		if u, err := url.Parse(*w.ClientConfig.URL); err == nil {
			return i, u.Hostname()
		}
	}
	return 0, ""
}

// hostFix names the Service instead of its host, where that Service exists.
func hostFix(p *diagnose.Pass, c *admissionv1.MutatingWebhookConfiguration, host string, inCluster bool) []diagnose.Step {
	parts := strings.Split(host, ".")
	manual := []diagnose.Step{{Kind: diagnose.StepManual, Say: fmt.Sprintf(
		"make %s resolve on the hosts of the API server, or correct the url in the values of this control plane (istiodRemote.injectionURL, global.remotePilotAddress), whoever installed it", strings.TrimSpace("the host "+host))}}
	if !inCluster || len(parts) < 3 {
		return manual
	}
	for _, svc := range p.Snapshot.Services {
		if svc.Name != parts[0] || svc.Namespace != parts[1] {
			continue
		}
		var ops []patchOp
		for i, w := range c.Webhooks {
			if w.ClientConfig.URL == nil {
				continue
			}
			u, err := url.Parse(*w.ClientConfig.URL)
			if err != nil {
				return manual
			}
			port, err := strconv.Atoi(cmp.Or(u.Port(), "443"))
			if err != nil {
				return manual
			}
			called := newServiceRef{svc.Name, svc.Namespace, u.Path, port}
			ops = append(ops, patchOp{Op: "remove", Path: fmt.Sprintf("/webhooks/%d/clientConfig/url", i)}, patchOp{"add", fmt.Sprintf("/webhooks/%d/clientConfig/service", i), called})
		}
		return []diagnose.Step{{Kind: diagnose.StepOther, Run: kubectl("", "patch", "mutatingwebhookconfiguration", c.Name, "--type=json", "-p", asJSON(ops))}}
	}
	return manual
}
