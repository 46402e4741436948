package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// strays tells of what no view of a service shows, since the service is not
// there: rules that lead to it, and hosts that mean it.
func (x *index) strays(in func(namespace string) bool) []diagnose.Finding {
	f := &issues{}
	for _, src := range x.sources {
		if !in(src.namespace) {
			continue
		}
		var rules Table
		for i, e := range src.entries {
			rules.Rules = append(rules.Rules, e.unfiltered())
			for _, d := range e.rule.To {
				if d.Share > 0 && x.absent(d.Host) {
					f.why = rules.words(i + 1)
					f.missing(src.api, i, e.rule, d, x.elsewhere(d.Host, "create the Service, or send the requests elsewhere"))
				}
			}
		}
		if src.api == Istio {
			f.why = []string{x.born(src.ref)}
			for i, h := range src.hosts {
				if x.absent(h) {
					f.unresolved(diagnose.Warning, src.ref, fmt.Sprintf("spec.hosts[%d]", i), h, x.elsewhere(h, "name the host that clients call, or delete the VirtualService"))
				}
			}
		}
	}
	for h, rules := range x.rules.all {
		for _, r := range rules {
			if in(r.ref.Namespace) && x.absent(h) {
				f.why = []string{x.born(r.ref)}
				// Left behind it does no harm, and subsets that rules want are looked for on their own.
				f.unresolved(diagnose.Info, r.ref, "spec.host", h, x.elsewhere(h, "name the host that clients call, or delete the DestinationRule"))
			}
		}
	}
	slices.SortStableFunc(f.all, func(a, b diagnose.Finding) int { return strings.Compare(a.ID, b.ID) })
	return f.all
}

// elsewhere is what can be done about a host whose Service is not there; those
// that are called alike come first.
func (x *index) elsewhere(hostname, otherwise string) []diagnose.Step {
	ns, name, _ := serviceOf(hostname)
	var hosts []string
	for _, have := range near(x.s, ns, name) {
		in, is, other := strings.Cut(have, "/")
		if !other {
			in, is = ns, have
		}
		hosts = append(hosts, fqdn(in, is))
	}
	if len(hosts) == 0 {
		return say("%s", otherwise)
	}
	return say("write %s if that is meant; else %s", inWords(hosts, "or"), otherwise)
}

func (f *issues) unresolved(severity diagnose.Severity, ref mesh.Ref, field, hostname string, fix []diagnose.Step) {
	f.add("host-not-resolved", severity, ref, field, fix, "%s is for host %s, and there is no such service", ref, hostname)
}

// missing tells of requests that are sent to a service that is not there.
func (f *issues) missing(api API, i int, r Rule, d Destination, fix []diagnose.Step) {
	status := 503
	if api == Gateway {
		status = 500
	}
	f.add("service-missing", diagnose.Error, r.From, r.Field, fix, "there is no service %s: %s", d.Host, failing(r, i, d, status))
}

// failing says which requests a destination fails: "20% of the requests of rule
// #1 fail with 503".
func failing(r Rule, i int, d Destination, status int) string {
	part := ""
	if d.Share < 100 {
		part = Percent(d.Share) + " of "
	}
	return fmt.Sprintf("%sthe requests of rule %s fail with %d", part, r.label(i), status)
}

// unfiltered is the rule with all conditions, whoever the clients are.
func (e entry) unfiltered() Rule {
	r := e.rule
	r.Matches = nil
	for _, m := range e.matches {
		if len(m.conditions) > 0 {
			r.Matches = append(r.Matches, Match{Conditions: m.conditions})
		}
	}
	return r
}
