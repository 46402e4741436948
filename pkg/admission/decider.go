package admission

import (
	"context"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Decider answers for the pods of one snapshot. It is not changed once made,
// and may be used from many goroutines.
type Decider struct {
	webhooks []*webhook
	unread   string // why the webhook configurations are not known
	missing  bool   // the snapshot has no injection webhook
	problems []Problem
	names    []string
	keys     map[label]bool // that decisions depend on
}

// Problem is something in the cluster that cannot be used as it stands: a
// selector, a match condition, an injector ConfigMap.
type Problem struct {
	Object  mesh.Ref
	Field   string // "webhooks[0].matchConditions[1].expression"
	Message string
}

// Error makes a problem an error.
func (p Problem) Error() string { return p.Object.String() + ": " + p.Field + ": " + p.Message }

// New prepares the injection webhooks and the injector ConfigMaps of a
// snapshot, so that Decide only evaluates. What cannot be prepared is told by
// Problems; the rest is decided without it, as the API server and istiod do.
func New(s *mesh.Snapshot) *Decider {
	d := &Decider{}
	if gaps := s.Missing(mesh.MutatingWebhooks); len(gaps) > 0 {
		d.unread = gaps[0].String()
	}
	f := finder{snapshot: s, found: map[mesh.Ref]*injector{}}
	c := &compiler{}
	for _, config := range mesh.Injectors(s) {
		for i := range config.Webhooks {
			if !mesh.IsInjector(config.Webhooks[i].Name) {
				continue
			}
			w := c.webhook(config, i)
			w.injector = f.injector(config, &config.Webhooks[i])
			d.webhooks = append(d.webhooks, w)
		}
	}
	d.missing = len(d.webhooks) == 0
	d.problems = append(c.problems, f.problems...)
	d.names = listened(d.webhooks)
	d.keys = asksFor(d.webhooks)
	return d
}

// Problems returns what could not be prepared, in the order of webhooks.
func (d *Decider) Problems() []Problem { return append([]Problem(nil), d.problems...) }

// Conditional reports whether a webhook has match conditions, which may look
// at all of a pod.
func (d *Decider) Conditional() bool {
	return slices.ContainsFunc(d.webhooks, func(w *webhook) bool { return w.conditions != nil })
}

// Decide says whether a pod of this template would be injected if it were
// created now in this namespace. A nil namespace is one that was not read:
// nothing is known of its labels.
func (d *Decider) Decide(ns *core.Namespace, t Template) Decision {
	in := newInput(ns, t)
	var dec Decision
	if ns == nil {
		dec.Unknown = "the namespace was not read, so its labels are not known"
	}
	if d.missing {
		dec.Gate, dec.Reason = NoWebhooks, "the cluster has no injection webhook"
		if d.unread != "" {
			dec.Reason, dec.Unknown = "no injection webhook is known", d.unread
		}
		return dec
	}
	ctx := context.Background()
	all := make([]judged, len(d.webhooks))
	dec.Webhooks = make([]Verdict, len(d.webhooks))
	for i, w := range d.webhooks {
		all[i] = w.judge(ctx, in)
		if all[i].Matches {
			all[i].Istiod = w.injector.decide(in)
			dec.note(all[i].guess, w.injector.guess(all[i].Istiod))
		} else if all[i].reached {
			dec.note(all[i].guess)
		}
		dec.Webhooks[i] = all[i].Verdict
	}
	dec.note(d.unread)
	dec.settle()
	dec.Reason = d.reason(in, dec, all)
	return dec
}

// settle draws the conclusion from the verdicts.
func (dec *Decision) settle() {
	for i := range dec.Webhooks {
		v := &dec.Webhooks[i]
		if v.Refusal != "" {
			dec.Refused = true
		}
		if !v.Matches {
			continue
		}
		if dec.By == nil {
			dec.By, dec.Istiod = v, v.Istiod
		}
		if v.Istiod.Inject {
			dec.Istiod = v.Istiod
		}
	}
	dec.Inject = dec.Istiod.Inject && !dec.Refused
	switch {
	case dec.Inject:
		dec.Gate = Open
	case dec.By == nil || dec.Refused:
		dec.Gate = ByAPIServer
	default:
		dec.Gate = ByIstiod
	}
}

// note adds what was guessed, each once.
func (dec *Decision) note(guesses ...string) {
	for _, g := range guesses {
		if g == "" || strings.Contains(dec.Unknown, g) {
			continue
		}
		if dec.Unknown != "" {
			dec.Unknown += "; "
		}
		dec.Unknown += g
	}
}
