package route

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// catchAll tells of requests that no rule takes. What is decided by port and
// client before a request is made does not count as a condition here: clients
// without any rule of the object are balanced over all endpoints.
func (f *issues) catchAll(t Table) {
	if t.Scope != meshGateway {
		return
	}
	for _, r := range t.Rules {
		if kindOf(r.Protocol) == "http" && slices.ContainsFunc(matchesOf(r), func(m Match) bool { return !caught(t, m) }) {
			f.why = t.words(len(t.Rules))
			f.add("no-catch-all", diagnose.Warning, t.From, "", say("add a rule without conditions at the end: kubectl mesh route shift %s --to VERSION -n %s does", f.view.Service.Name, f.view.Service.Namespace),
				"%s has no rule for all other requests: they get 404", t.From)
			return
		}
	}
}

// matchesOf are a rule's matches; every request is one without conditions.
func matchesOf(r Rule) []Match {
	if len(r.Matches) == 0 {
		return []Match{{}}
	}
	return r.Matches
}

// caught reports whether the clients that a match is for have a rule for all
// their other requests.
func caught(t Table, m Match) bool {
	fixed := static(m.Conditions)
	for _, r := range t.Rules {
		for _, other := range matchesOf(r) {
			if kindOf(r.Protocol) == "http" && len(static(other.Conditions)) == len(other.Conditions) && implies(fixed, other.Conditions) {
				return true
			}
		}
	}
	return false
}

// static are the conditions that are decided when a proxy is configured.
func static(conditions []Condition) []Condition {
	var all []Condition
	for _, c := range conditions {
		if c.What == "port" || c.What == "source-label" || c.What == "source-namespace" || everyPath(c) {
			all = append(all, c)
		}
	}
	return all
}
