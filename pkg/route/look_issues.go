package route

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Issues says what is wrong with how a service is routed, beside its
// conflicts: rules that lead to nothing, that nothing reaches, or that do not
// what they seem to. The worst come first. now decides which faults are
// overdue.
func Issues(v *View, now time.Time) []diagnose.Finding {
	f := &issues{view: v}
	for _, t := range v.Tables {
		if t.Loses {
			continue
		}
		for i, r := range t.Rules {
			f.rule(t, i, r, now)
		}
		f.catchAll(t)
	}
	f.policies()
	slices.SortStableFunc(f.all, func(a, b diagnose.Finding) int { return a.Severity.Rank() - b.Severity.Rank() })
	return f.all
}

// issues are findings in the making.
type issues struct {
	view *View
	why  []string // what decides: the evidence of what is added
	all  []diagnose.Finding
}

func (f *issues) add(check string, severity diagnose.Severity, object mesh.Ref, field string, fix []diagnose.Step, format string, args ...any) {
	id := fmt.Sprintf("%s/%s/%s/%s", check, object.Kind, object.Namespace, object.Name)
	if field != "" {
		id += "/" + field
	}
	f.all = append(f.all, diagnose.Finding{
		ID:    id,
		Check: check, Severity: severity, Object: object, Field: field, Message: fmt.Sprintf(format, args...), Evidence: f.why, Fix: fix,
	})
}

// command is one of this program's that concerns the service.
func (f *issues) command(format string, args ...any) []diagnose.Step {
	run := fmt.Sprintf("kubectl mesh route "+format, args...) + " -n " + mesh.ShellQuote(f.view.Service.Namespace)
	return []diagnose.Step{{Run: run, Kind: diagnose.StepOther}}
}

func say(format string, args ...any) []diagnose.Step {
	return []diagnose.Step{{Say: fmt.Sprintf(format, args...), Kind: diagnose.StepManual}}
}

// label names a rule as --rule takes it.
func (r Rule) label(i int) string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprintf("#%d", i+1)
}

// words are the first n rules of a table, each in a line: what it matches, and
// where it leads.
func (t Table) words(n int) []string {
	var all []string
	for i, r := range t.Rules[:n] {
		var matches, to []string
		for _, m := range r.Matches {
			matches = append(matches, m.String())
		}
		for _, d := range r.To {
			to = append(to, Percent(d.Share)+" to "+orAny(d.Version, d.Host))
		}
		line := "rule " + r.label(i) + ": " + orAny(strings.Join(matches, ", or "), "every request")
		if len(to) > 0 {
			line += ": " + strings.Join(to, ", ")
		}
		if r.Timeout != "" {
			line += "; timeout " + r.Timeout
		}
		if r.Fault != nil {
			line += "; " + r.Fault.String()
		}
		all = append(all, line)
	}
	return all
}

// at are the flags that choose a rule; none are needed for the catch-all.
func (r Rule) at(t Table, i int) string {
	flags := ""
	if !r.CatchAll() {
		flags = " --rule " + mesh.ShellQuote(r.label(i))
	}
	if t.Scope != meshGateway {
		flags += " --scope " + mesh.ShellQuote(t.Scope)
	}
	return flags
}

func (f *issues) rule(t Table, i int, r Rule, now time.Time) {
	f.why = t.words(i + 1)
	if r.Unreachable {
		f.add("rule-unreachable", diagnose.Warning, r.From, r.Field, say("move it before the rule that takes its requests, or remove it"),
			"rule %s of %s gets no requests: earlier rules take them all", r.label(i), r.From)
		return
	}
	for _, d := range r.To {
		f.destination(t, i, r, d)
	}
	if len(r.To) > 1 && !slices.ContainsFunc(r.To, func(d Destination) bool { return d.Share > 0 }) {
		f.add("weights-sum-zero", diagnose.Error, r.From, r.Field, f.command("shift %s --equal%s", f.view.Service.Name, r.at(t, i)),
			"the weights of rule %s of %s sum up to 0: its requests fail", r.label(i), r.From)
	}
	if r.Fault == nil {
		return
	}
	if r.Timeout != "" || r.Retry != "" && r.Retry != "never" {
		f.add("fault-disables-timeout", diagnose.Warning, r.From, r.Field, say("set the timeout and retries where the callers of this service are called"),
			"rule %s of %s has a fault: its timeout and retries do not hold as long as it has", r.label(i), r.From)
	}
	if when, err := time.Parse(time.RFC3339, r.Fault.Review); err == nil && now.After(when) {
		f.add("stale-fault", diagnose.Warning, r.From, r.Field, f.command("fault %s --clear%s", f.view.Service.Name, r.at(t, i)),
			"rule %s of %s %s on purpose, and should have been looked at by %s", r.label(i), r.From, r.Fault, r.Fault.Review)
	}
}

// destination tells of requests that fail for want of endpoints.
func (f *issues) destination(t Table, i int, r Rule, d Destination) {
	if d.Share == 0 || !f.leads(t, d) {
		return
	}
	name := f.view.Service.Name
	switch {
	case d.Missing && d.Version != "" && t.API == Istio:
		fix := f.away(t, i, r, d)
		if v := f.version(d.Version); v != nil && v.Ready > 0 && d.Host == f.view.Host {
			fix = f.command("subset %s add %s -l %s", name, mesh.ShellQuote(d.Version), mesh.ShellQuote(selectorWords(v.Labels)))
		}
		f.add("subset-missing", diagnose.Error, r.From, r.Field, fix, "no DestinationRule that clients see has subset %s of %s: %s", d.Version, d.Host, failing(r, i, d, 503))
	case d.Missing:
		f.missing(t.API, i, r, d, f.away(t, i, r, d))
	case d.Ready == 0:
		what := d.Host
		if d.Version != "" {
			what = fmt.Sprintf("version %s of Service %s/%s", d.Version, f.view.Service.Namespace, name)
		}
		f.add("subset-without-endpoints", diagnose.Error, r.From, r.Field, f.away(t, i, r, d), "%s has no ready endpoint: %s", what, failing(r, i, d, 503))
	case len(r.To) > 1:
		f.uneven(r, i, d)
	}
}

// leads reports whether a destination concerns this service; a gateway's rules
// lead to others too.
func (f *issues) leads(t Table, d Destination) bool {
	return t.Scope == meshGateway || d.Host == f.view.Host || t.API == Gateway && d.Version != ""
}

// away is how to send requests elsewhere.
func (f *issues) away(t Table, i int, r Rule, d Destination) []diagnose.Step {
	if d.Version != "" && slices.ContainsFunc(r.To, func(o Destination) bool { return o.Ready > 0 && o.Version != d.Version && o.Share > 0 }) {
		return f.command("shift %s %s%s", f.view.Service.Name, mesh.ShellQuote(d.Version+"=0"), r.at(t, i))
	}
	if v := f.view.Versions; len(v) > 0 {
		for _, other := range v {
			if other.Ready > 0 && other.From != (mesh.Ref{}) && other.Name != d.Version {
				return f.command("shift %s --to %s%s", f.view.Service.Name, mesh.ShellQuote(other.Name), r.at(t, i))
			}
		}
	}
	if d.Missing && d.Version == "" {
		return say("create the Service, or send the requests elsewhere")
	}
	return say("bring pods of it up, or send the requests elsewhere")
}

func (f *issues) version(name string) *Version {
	for i := range f.view.Versions {
		if f.view.Versions[i].Name == name {
			return &f.view.Versions[i]
		}
	}
	return nil
}

// uneven tells of a version that gets much more than its part of the
// endpoints.
func (f *issues) uneven(r Rule, i int, d Destination) {
	ready := 0
	for _, o := range r.To {
		if o.Ready < 0 {
			return
		}
		ready += o.Ready
	}
	part := 100 * float64(d.Ready) / float64(max(ready, 1))
	if ready < 4 || d.Share < 2*part || d.Share-part < 20 {
		return
	}
	f.add("share-above-ready-share", diagnose.Info, r.From, r.Field, say("give it more replicas, or a smaller share"),
		"rule %s sends %s of its requests to %s, which has %d of %d ready endpoints", r.label(i), Percent(d.Share), orAny(d.Version, d.Host), d.Ready, ready)
}

// policies tells of policies that cannot do what they say.
func (f *issues) policies() {
	for _, p := range f.view.Policies {
		f.why = p.Words
		field, endpoints := "spec.trafficPolicy", f.view.Ready
		if v := f.version(p.Version); p.Version != "" && v != nil {
			field, endpoints = fmt.Sprintf("spec.subsets[%s].trafficPolicy", p.Version), v.Ready
		}
		if p.Ejects > 0 && endpoints > 0 && int(p.Ejects)*endpoints/100 < 1 {
			f.add("ejection-never-possible", diagnose.Warning, p.From, field, f.command("breaker %s --max-ejection-percent 100", mesh.ShellQuote(breakerTarget(f.view.Service.Name, p.Version))),
				"%s takes no endpoint out: %d%% of %s is less than one", p.From, p.Ejects, plural(endpoints, "endpoint"))
		}
		if p.Version != "" && !f.routed(p.Version) {
			f.add("subset-policy-inactive", diagnose.Warning, p.From, field, say("send requests to subset %s by a rule, or put the policy on the whole service", p.Version),
				"the policy of subset %s in %s holds for nobody: no rule sends requests to that subset", p.Version, p.From)
		}
	}
}

func breakerTarget(service, version string) string {
	if version == "" {
		return service
	}
	return service + "/" + version
}

// routed reports whether a rule that is followed names a version.
func (f *issues) routed(version string) bool {
	for _, t := range f.view.Tables {
		for _, r := range t.Rules {
			if !t.Loses && t.API == Istio && slices.ContainsFunc(r.To, func(d Destination) bool {
				return d.Version == version && d.Host == f.view.Host && d.Share > 0
			}) {
				return true
			}
		}
	}
	return false
}
