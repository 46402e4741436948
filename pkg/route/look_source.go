package route

import (
	"cmp"
	"slices"
	"strings"
	"time"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// source is an object with rules, or several that Istio makes one of: a
// VirtualService, or the routes of Gateway API that one namespace has for one
// service.
type source struct {
	api       API
	ref       mesh.Ref
	merged    []mesh.Ref // other objects that it is made of
	namespace string
	name      string // by which Istio orders those of the same age
	created   time.Time
	hosts     []string // complete
	gateways  []string // "mesh", NAMESPACE/NAME
	seen      exportTo
	port      int32 // of the service, where all of it is for one; else 0
	entries   []entry
	lost      []string // what of it has no effect, each in one sentence
}

// entry is a rule as it was read, with what decides statically for which
// clients it is.
type entry struct {
	rule     Rule // its conditions are filled in per scope
	matches  []match
	any      bool // it has no matches: it takes everything
	hosts    []string
	delegate string // the VirtualService that has its rules, NAMESPACE/NAME
	routed   bool   // it sends requests somewhere, or answers them
}

// match is one alternative of a rule.
type match struct {
	conditions      []Condition       // seen by the proxy at run time
	port            uint32            // 0: any
	gateways        []string          // empty: all
	sourceLabels    map[string]string // of the client's pod
	sourceNamespace string
	whole           bool // it takes every request that meets the static conditions
}

// older orders objects as Istio does (istio.io/istio 1.29.1,
// pilot/pkg/model/config.go: sortConfigByCreationTime).
func older(a, b *source) int {
	return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.name, b.name), cmp.Compare(a.namespace, b.namespace))
}

// leadsTo are the hosts that its rules send requests to.
func (s *source) leadsTo() []string {
	var all []string
	for _, e := range s.entries {
		for _, h := range e.hosts {
			if !slices.Contains(all, h) {
				all = append(all, h)
			}
		}
	}
	return all
}

// best is the narrowest of its hosts that covers a host; empty for none.
func (s *source) best(hostname string) string {
	found := ""
	for _, h := range s.hosts {
		if covers(h, hostname) && (found == "" || moreSpecific(h, found)) {
			found = h
		}
	}
	return found
}

// exportTo says which namespaces see an object.
type exportTo struct {
	public, none bool
	namespaces   []string
}

// exported reads an exportTo list as Istio does for VirtualServices
// (pilot/pkg/model/push_context.go: initVirtualServices).
func exported(list, defaults []string, namespace string) exportTo {
	if len(list) == 0 {
		switch {
		case slices.Contains(defaults, "."):
			return exportTo{namespaces: []string{namespace}}
		case len(defaults) == 0 || slices.Contains(defaults, "*"):
			return exportTo{public: true}
		}
		return exportTo{none: true}
	}
	e := exportTo{public: slices.Contains(list, "*"), none: slices.Contains(list, "~")}
	for _, to := range list {
		if to == "." {
			to = namespace
		}
		if to != "*" && to != "~" && !slices.Contains(e.namespaces, to) {
			e.namespaces = append(e.namespaces, to)
		}
	}
	e.none = e.none && !e.public
	return e
}

// seenFrom reports whether clients of a namespace see it.
func (e exportTo) seenFrom(namespace string) bool {
	return !e.none && (e.public || slices.Contains(e.namespaces, namespace))
}

// rank is when Istio tries an object for a client's namespace: private ones
// before those exported to it, and these before public ones; among each, the
// routes of Gateway API that the client's own namespace has come first
// (pilot/pkg/model/virtualservice.go: SelectVirtualServices with
// PILOT_UNIFIED_SIDECAR_SCOPE, the default).
func (s *source) rank(client string) int {
	rank := 0
	switch {
	case s.seen.public:
		rank = 4
	case s.namespace != client:
		rank = 2
	}
	if s.api != Gateway || s.namespace != client {
		rank++
	}
	return rank
}

// String says it for a reader: "only clients in namespace shop see it".
func (e exportTo) String() string {
	switch {
	case e.none:
		return "no client sees it (exportTo)"
	case e.public:
		return ""
	}
	return "only clients in " + namespaceWords(e.namespaces) + " see it (exportTo)"
}

// stringMatch reads a StringMatch; ok is false where nothing is asked.
func stringMatch(m *networking.StringMatch) (how, value string, ok bool) {
	switch t := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return "exact", t.Exact, true
	case *networking.StringMatch_Prefix:
		return "prefix", t.Prefix, true
	case *networking.StringMatch_Regex:
		return "regex", t.Regex, true
	}
	return "present", "", m != nil
}

// namespaceWords is some namespaces in a sentence.
func namespaceWords(list []string) string {
	if len(list) == 1 {
		return "namespace " + list[0]
	}
	return "namespaces " + inWords(list, "and")
}

// inWords joins words as a sentence does: "a, b and c".
func inWords(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
