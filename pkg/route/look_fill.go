package route

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// rulesFor are an object's rules as the clients of a scope have them.
func (l *look) rulesFor(src *source, scope, client string) []Rule {
	var all []Rule
	only := src.port
	if scope == meshGateway && len(l.view.Ports) == 1 {
		only = l.view.Ports[0].Number
	}
	for _, e := range src.entries {
		r := e.rule
		r.Matches = nil
		for _, m := range e.matches {
			if conditions, ok := m.in(scope, only); ok {
				r.Matches = append(r.Matches, Match{Conditions: conditions})
			}
		}
		if len(r.Matches) == 0 && !e.any {
			continue
		}
		if len(r.Matches) == 1 && len(r.Matches[0].Conditions) == 0 {
			r.Matches = nil
		}
		r.To = slices.Clone(r.To)
		for i := range r.To {
			l.fill(&r.To[i], src.api, scope, client)
		}
		r.Mirrors = slices.Clone(r.Mirrors)
		for i := range r.Mirrors {
			l.fill(&r.Mirrors[i].To, src.api, scope, client)
		}
		all = append(all, r)
	}
	return all
}

// fill looks a destination's endpoints up.
func (l *look) fill(d *Destination, api API, scope, client string) {
	svc := l.services[d.Host]
	if api == Gateway {
		d.Version = l.versionOf(d.Host, scope)
	}
	if svc == nil {
		if l.absent(d.Host) {
			d.Missing, d.Ready, d.Pods = true, 0, 0
		}
		return
	}
	if d.Version == "" || api == Gateway {
		d.Ready, d.Pods = l.endpoints(svc, nil)
		return
	}
	labels, found := l.rules.effective(client, svc.Namespace, d.Host).subset(d.Version)
	switch {
	case found:
		d.Ready, d.Pods = l.endpoints(svc, labels)
	case l.s.Complete(mesh.DestinationRules, ""):
		d.Missing, d.Ready, d.Pods = true, 0, 0
	}
}

// portWords names ports of the service: "port 80 (http)".
func portWords(ports []Port) string {
	var words []string
	for _, p := range ports {
		words = append(words, fmt.Sprintf("%d (%s)", p.Number, p.Protocol))
	}
	if len(words) == 1 {
		return "port " + words[0]
	}
	return "ports " + inWords(words, "and")
}
