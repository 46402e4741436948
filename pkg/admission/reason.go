package admission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// reason puts a decision into one sentence.
func (d *Decider) reason(in *input, dec Decision, all []judged) string {
	switch dec.Gate {
	case Open:
		return openReason(in, dec, all)
	case ByIstiod:
		return dec.Istiod.Reason
	}
	for _, v := range dec.Webhooks {
		if v.Refusal != "" {
			return fmt.Sprintf("the API server refuses the pod at webhook %s of %s: %s", v.Webhook, v.Config, v.Refusal)
		}
	}
	return d.closedReason(in, all)
}

// openReason says which label the pod is injected for.
func openReason(in *input, dec Decision, all []judged) string {
	var by *judged
	for i := range all {
		if all[i].Matches && all[i].Istiod == dec.Istiod {
			by = &all[i]
			break
		}
	}
	who := "revision " + dec.Istiod.Revision
	if by.Tag != "" {
		who += " (tag " + by.Tag + ")"
	}
	why := fmt.Sprintf("webhook %s of %s takes pods of every namespace that says nothing else, for %s", by.Webhook, by.Config, who)
	asking := "nothing"
	if t := asker(by.holds); t != nil {
		set := in.nsLabels
		if t.side == ofPod {
			set = in.podLabels
		}
		asking = fmt.Sprintf("%s label %s=%q", t.side, t.key, set[t.key])
		why = asking + " selects " + who
	}
	if dec.Istiod.Rule == Policy || strings.HasPrefix(dec.Istiod.Reason, asking) {
		return why
	}
	return why + ", and " + dec.Istiod.Reason
}

// asker is the first term that wanted a label to be there.
func asker(holds []term) *term {
	for i := range holds {
		if holds[i].asks() {
			return &holds[i]
		}
	}
	return nil
}

// closedReason says why no webhook matches.
func (d *Decider) closedReason(in *input, all []judged) string {
	live := slices.DeleteFunc(slices.Clone(all), func(j judged) bool { return j.Deactivated })
	if len(live) == 0 {
		return "every injection webhook of the cluster is deactivated (its selectors ask for " + deactivatedLabel + ")"
	}
	if j := only(live, other); j != nil {
		return odd(j)
	}
	inject, rev := in.podLabels[mesh.InjectLabel], in.podLabels[mesh.RevisionLabel]
	if inject == "false" && only(live, func(t term) bool { return other(t) || optOut(t) }) != nil {
		return fmt.Sprintf("pod label %s=%q opts out", mesh.InjectLabel, inject)
	}
	if injection, ok := in.nsLabels[mesh.InjectionLabel]; ok {
		return d.injectionReason(injection, inject, live)
	}
	if name, ok := in.nsLabels[mesh.RevisionLabel]; ok {
		return d.revisionReason(fmt.Sprintf("namespace label %s is %q", mesh.RevisionLabel, name), name, live)
	}
	if rev != "" {
		return d.revisionReason(fmt.Sprintf("pod label %s is %q", mesh.RevisionLabel, rev), rev, live)
	}
	return d.unlabelledReason(in, inject)
}

// other reports whether a term is about none of the labels that Istio's own
// selectors look at, and so of somebody's making.
func other(t term) bool {
	switch t.key {
	case mesh.InjectionLabel, mesh.RevisionLabel, mesh.InjectLabel:
		return false
	}
	return true
}

// optOut reports whether a term fails because the pod opts out.
func optOut(t term) bool { return t.side == ofPod && t.key == mesh.InjectLabel }

// only returns a webhook of which nothing fails but such terms: best one that
// a label asks for, and of those the one that least keeps the pod from.
func only(live []judged, such func(term) bool) *judged {
	var best *judged
	for i := range live {
		j := &live[i]
		if len(j.fails) == 0 || slices.ContainsFunc(j.fails, func(t term) bool { return !such(t) }) {
			continue
		}
		if best == nil || nearer(j, best) {
			best = j
		}
	}
	return best
}

func nearer(a, b *judged) bool {
	asked, other := asker(a.holds) != nil, asker(b.holds) != nil
	if asked != other {
		return asked
	}
	return len(a.fails) < len(b.fails)
}

// odd tells of a webhook that Istio's usual labels select, but not what else
// it asks for.
func odd(j *judged) string {
	var parts []string
	for _, t := range j.fails {
		switch {
		case t.side != "":
			parts = append(parts, fmt.Sprintf("asks for %s, and %s", t.Want, t.Got))
		case strings.HasSuffix(t.Field, ".rules"):
			parts = append(parts, "has no rule for the creation of pods ("+t.Got+")")
		default:
			parts = append(parts, "is kept away: "+t.Got)
		}
	}
	return fmt.Sprintf("webhook %s of %s %s", j.Webhook, j.Config, strings.Join(parts, "; it "))
}

func (d *Decider) injectionReason(value, inject string, live []judged) string {
	label := fmt.Sprintf("namespace label %s is %q", mesh.InjectionLabel, value)
	asks := ""
	if inject == "true" {
		asks = fmt.Sprintf(", and the pod's label %s=%q cannot override that", mesh.InjectLabel, inject)
	}
	switch {
	case value == "disabled":
		return fmt.Sprintf("namespace label %s=%q opts out%s", mesh.InjectionLabel, value, asks)
	case value == "enabled" && !d.Listens(mesh.InjectionLabel, value):
		return fmt.Sprintf("%s, but no webhook listens to it: no control plane is the default (%s)", label, d.known())
	case !d.Listens(mesh.InjectionLabel, value):
		return label + "; no webhook listens to that value" + asks
	}
	return label + blocked(live, mesh.InjectionLabel, value)
}

func (d *Decider) revisionReason(label, name string, live []judged) string {
	if !slices.Contains(d.names, name) {
		return fmt.Sprintf("%s, and no control plane serves revision %q (%s)", label, name, d.known())
	}
	return label + blocked(live, mesh.RevisionLabel, name)
}

// blocked says what else the webhook asks for that this label, with this
// value, brings the pod nearest to.
func blocked(live []judged, key, value string) string {
	var near *judged
	for i := range live {
		wants := func(t term) bool { return t.key == key && t.asks() && slices.Contains(t.values, value) }
		if slices.ContainsFunc(live[i].holds, wants) && (near == nil || len(live[i].fails) < len(near.fails)) {
			near = &live[i]
		}
	}
	if near == nil {
		return ", to which no webhook listens there"
	}
	return ", but " + odd(near)
}

func (d *Decider) unlabelledReason(in *input, inject string) string {
	bare := "the namespace has no injection label"
	if in.namespace != "" {
		bare = fmt.Sprintf("namespace %s has no injection label", in.namespace)
	}
	if !in.read {
		bare = "the namespace was not read"
	}
	switch annotation := in.annotations[mesh.InjectLabel]; {
	case inject == "true":
		return fmt.Sprintf("%s, and no webhook listens to the pod's label %s=%q: no control plane is the default (%s)", bare, mesh.InjectLabel, inject, d.known())
	case inject == "false":
		return fmt.Sprintf("%s, and pod label %s=%q opts out", bare, mesh.InjectLabel, inject)
	case inject != "":
		return fmt.Sprintf("%s, and pod label %s is %q, where only \"true\" asks for injection", bare, mesh.InjectLabel, inject)
	case annotation == "true":
		return fmt.Sprintf("%s, and %s=%q on the pod is an annotation, which no webhook sees: it must be a label", bare, mesh.InjectLabel, annotation)
	}
	return bare
}

func (d *Decider) known() string {
	if len(d.names) == 0 {
		return "no revisions are known"
	}
	return "known: " + strings.Join(d.names, ", ")
}
