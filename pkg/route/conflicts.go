package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func (l *look) conflict(check string, objects []mesh.Ref, format string, args ...any) {
	l.view.Conflicts = append(l.view.Conflicts, Conflict{Check: check, Message: fmt.Sprintf(format, args...), Objects: objects})
}

// meshConflicts tells who wins where several objects would route the service's
// clients, and which parts of objects nobody follows.
func (l *look) meshConflicts(c contest) {
	byRef := map[mesh.Ref]Table{}
	for _, t := range l.view.Tables {
		byRef[t.From] = t
	}
	for _, src := range c.candidates {
		for _, lost := range src.lost {
			l.conflict("delegate-without-effect", []mesh.Ref{src.ref}, "%s", lost)
		}
		t := byRef[src.ref]
		if !t.Loses && len(t.Only) == 0 && len(t.Except) == 0 && len(t.Ports) == 0 {
			continue // it wins for all
		}
		if why := l.without(src); why != "" {
			l.conflict("rules-without-effect", []mesh.Ref{src.ref}, "%s has no effect on this service: %s", src.ref, why)
			continue
		}
		rival := c.rival(src, l.service.Namespace)
		if rival == nil {
			if words := src.seen.String(); words != "" && src.api == Istio {
				l.conflict("virtualservice-scope", []mesh.Ref{src.ref}, "%s: %s; all others follow no rules", src.ref, words)
			}
			if src.api == Gateway && src.namespace != l.service.Namespace {
				l.conflict("route-scope", []mesh.Ref{src.ref}, "%s holds for clients in namespace %s alone, since it is not in the service's namespace", src.ref, src.namespace)
			}
			continue
		}
		check := "virtualservice-host-conflict"
		if src.api != rival.api || src.api == Gateway {
			check = "route-apis-conflict"
		}
		if !t.Loses && byRef[rival.ref].Loses {
			continue // said of the rival
		}
		objects := []mesh.Ref{src.ref, rival.ref}
		if t.Loses {
			l.conflict(check, objects, "%s has no effect: %s wins%s, and rules of two objects are not merged here", src.ref, rival.ref, l.why(rival, src))
			continue
		}
		if slices.ContainsFunc(l.view.Conflicts, func(have Conflict) bool {
			return have.Check == check && slices.Contains(have.Objects, src.ref) && slices.Contains(have.Objects, rival.ref)
		}) {
			continue
		}
		l.conflict(check, objects, "%s; %s", follows(t), follows(byRef[rival.ref]))
	}
}

// follows says who follows a table: "clients in namespace shop follow …".
func follows(t Table) string {
	who := "all clients"
	switch {
	case len(t.Only) > 0:
		who = "clients in " + namespaceWords(t.Only)
	case len(t.Except) > 0:
		who = "clients outside " + namespaceWords(t.Except)
	}
	if len(t.Ports) > 0 {
		var words []string
		for _, p := range t.Ports {
			words = append(words, fmt.Sprint(p))
		}
		who += " of port " + strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s follow %s", who, t.From)
}

// why says what made a winner win; empty where it takes more than a word.
func (l *look) why(winner, loser *source) string {
	switch {
	case wildcard(loser.best(l.view.Host)) && !wildcard(winner.best(l.view.Host)):
		return " since it names the host itself"
	case wildcard(loser.best(l.view.Host)) && winner.best(l.view.Host) != loser.best(l.view.Host):
		return " since its host is the narrower"
	case winner.created.Before(loser.created):
		return " since it is older"
	case winner.api == Gateway && winner.namespace == l.service.Namespace && loser.seen.public:
		return " since it is a route of the service's own namespace"
	case winner.created.Equal(loser.created):
		return " since it is as old and comes first by name"
	}
	return ""
}

// rival is the object that wins where this one does not.
func (c contest) rival(src *source, own string) *source {
	for _, client := range append([]string{own, ""}, c.clients...) {
		if len(c.wins[src][client]) > 0 && len(c.wins) < 2 {
			continue
		}
		for _, other := range c.candidates {
			if other != src && len(c.wins[other][client]) > 0 && len(c.wins[src][client]) == 0 && src.seen.seenFrom(client) {
				return other
			}
		}
	}
	for _, client := range c.clients {
		for _, other := range c.candidates {
			if other != src && len(c.wins[other][client]) > 0 && len(c.wins[src][client]) == 0 {
				return other
			}
		}
	}
	return nil
}

// without says why an object with the service's host routes nothing of it,
// whatever other objects there are; empty where it could.
func (l *look) without(src *source) string {
	if src.seen.none {
		return src.seen.String()
	}
	if len(src.entries) == 0 {
		return "it has no rules"
	}
	fits := func(e entry) bool {
		return slices.ContainsFunc(l.view.Ports, func(p Port) bool {
			switch kindOf(e.rule.Protocol) {
			case "http":
				return p.http()
			case "tls":
				return p.tls()
			}
			return p.tcp()
		})
	}
	if !slices.ContainsFunc(src.entries, fits) {
		return fmt.Sprintf("it has %s rules alone, and Istio takes %s otherwise", kindOf(src.entries[0].rule.Protocol), portWords(l.view.Ports))
	}
	inMesh := func(e entry) bool {
		return e.any || slices.ContainsFunc(e.matches, func(m match) bool { _, ok := m.in(meshGateway, 0); return ok })
	}
	if !slices.ContainsFunc(src.entries, inMesh) {
		return "its rules are for gateways alone"
	}
	return ""
}
