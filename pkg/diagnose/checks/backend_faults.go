package checks

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// routed are the workloads whose next pod would be sent to this backend.
func (b *backend) routed(p *diagnose.Pass) []mesh.Ref {
	return p.Routed(func(v *admission.Verdict) bool { return b.webhooks[webhookKey(v.Config, v.Index)] })
}

// calledBy reports whether a refusal's webhook is one that calls this backend.
func (b *backend) calledBy(r refusal, p *diagnose.Pass) bool {
	if !mesh.IsInjector(r.Webhook) {
		return false
	}
	d, _ := p.DecideWorkload(r.Workload)
	return d.By != nil && b.webhooks[webhookKey(d.By.Config, d.By.Index)]
}

// refused are those refusals that are of calls to this backend, for these causes.
func (b *backend) refused(p *diagnose.Pass, all []refusal, causes ...cause) []refusal {
	var own []refusal
	for _, r := range all {
		if slices.Contains(causes, r.Cause) && b.calledBy(r, p) {
			own = append(own, r)
		}
	}
	return own
}

// severity is the severity of a fault of this backend: an error where it
// stands in somebody's way, a warning where no workload and no namespace
// would be sent to it.
func (b *backend) severity(p *diagnose.Pass, refs []mesh.Ref) diagnose.Severity {
	if len(refs) > 0 {
		return diagnose.Error
	}
	for _, ns := range p.Snapshot.Namespaces {
		if d := p.Decide(ns, admission.Template{}); d.By != nil && b.webhooks[webhookKey(d.By.Config, d.By.Index)] {
			return diagnose.Error
		}
	}
	return diagnose.Warning
}

// covers are the objects that a fault of this backend explains whole.
func (b *backend) covers() []mesh.Ref {
	refs := []mesh.Ref{b.ref()}
	if b.deployment != nil {
		refs = append(refs, mesh.RefTo(mesh.Deployments, b.namespace, b.deployment.Name))
	}
	for _, c := range b.configs {
		refs = append(refs, mesh.RefTo(mesh.MutatingWebhooks, "", c))
	}
	return refs
}

// consequence says what becomes of new pods while the calls fail: the API
// server refuses them, or lets them through where failurePolicy is Ignore.
func (b *backend) consequence(p *diagnose.Pass, refs []mesh.Ref) string {
	const refused, bare = "the API server refuses every new pod that is to be injected", "new pods start without a sidecar (failurePolicy Ignore)"
	through := b.let(p, refs)
	kept := len(refs) - len(through)
	switch {
	case len(refs) == 0 && b.failOpen:
		return bare
	case len(refs) == 0:
		return refused
	case kept == 0:
		return fmt.Sprintf("%s, of %s", bare, hit(refs))
	case len(through) == 0:
		return fmt.Sprintf("%s, of %s", refused, hit(refs))
	}
	return fmt.Sprintf("%s, of %s, and of %s they start without a sidecar (failurePolicy Ignore)", refused, count(kept, "workload"), count(len(through), "workload"))
}

// let are those of the workloads whose pods are let through while the calls
// fail.
func (b *backend) let(p *diagnose.Pass, refs []mesh.Ref) []mesh.Ref {
	through := map[mesh.Ref]bool{}
	for _, r := range p.Routed(func(v *admission.Verdict) bool { return b.open[webhookKey(v.Config, v.Index)] }) {
		through[r] = true
	}
	return slices.DeleteFunc(slices.Clone(refs), func(r mesh.Ref) bool { return !through[r] })
}

// bareAfter are the steps that replace what started without a sidecar while
// the calls failed, where their failure let pods through.
func (b *backend) bareAfter(p *diagnose.Pass, refs []mesh.Ref) []diagnose.Step {
	return restarts(stillBare(p, b.let(p, refs)))
}

// stillBare are those of the workloads that run pods without a proxy.
func stillBare(p *diagnose.Pass, refs []mesh.Ref) []mesh.Ref {
	hit := map[mesh.Ref]bool{}
	for _, r := range refs {
		hit[r] = true
	}
	var bare []mesh.Ref
	for _, w := range p.Workloads {
		if hit[w.Ref] && len(w.Bare()) > 0 {
			bare = append(bare, w.Ref)
		}
	}
	return bare
}
