package admission

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Injector describes one injection webhook.
type Injector struct {
	Config        string // name of the MutatingWebhookConfiguration
	Index         int
	Webhook       string
	Revision, Tag string   // as in Verdict
	Service       string   // what it calls: "istio-system/istiod", or a URL
	Deactivated   bool     // as in Verdict
	Names         []string // values of istio.io/rev it asks for, on the namespace or the pod
	// Istiod and IstiodNamespace name the control plane that answers it.
	Istiod, IstiodNamespace string
}

// Injectors returns the injection webhooks in the order the API server goes
// through them.
func (d *Decider) Injectors() []Injector {
	out := make([]Injector, len(d.webhooks))
	for i, w := range d.webhooks {
		out[i] = Injector{
			Config: w.meta.Config, Index: w.meta.Index, Webhook: w.meta.Webhook,
			Revision: w.meta.Revision, Tag: w.meta.Tag, Service: w.service, Deactivated: w.meta.Deactivated,
			Names: w.asked(mesh.RevisionLabel), Istiod: w.injector.revision, IstiodNamespace: w.injector.namespace,
		}
	}
	return out
}

// Revisions returns the revisions and tags that webhooks listen to: what the
// label istio.io/rev may say with an effect. Sorted.
func (d *Decider) Revisions() []string { return slices.Clone(d.names) }

// Listens reports whether a webhook that is not deactivated asks for this
// label with this value on the namespace, whatever else it asks for.
func (d *Decider) Listens(label, value string) bool {
	return slices.ContainsFunc(d.webhooks, func(w *webhook) bool {
		return !w.meta.Deactivated && slices.ContainsFunc(w.namespace.terms, func(t term) bool {
			return t.key == label && t.asks() && (t.values == nil || slices.Contains(t.values, value))
		})
	})
}

func listened(webhooks []*webhook) []string {
	var names []string
	for _, w := range webhooks {
		if !w.meta.Deactivated {
			names = append(names, w.asked(mesh.RevisionLabel)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// asked returns the values that a webhook's selectors want a label to have.
func (w *webhook) asked(label string) []string {
	var values []string
	for _, terms := range [][]term{w.namespace.terms, w.object.terms} {
		for i := range terms {
			if terms[i].key == label && terms[i].asks() {
				values = append(values, terms[i].values...)
			}
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}
