package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// destinationRules tells of DestinationRules that hide others: a client gets
// those of its own namespace, or of the service's, or of the root namespace,
// never a mixture.
func (l *look) destinationRules() {
	own := l.rules.effective(l.service.Namespace, l.service.Namespace, l.view.Host)
	named := l.namedVersions()
	for _, client := range l.ruleNamespaces() {
		if client == l.service.Namespace {
			continue
		}
		theirs := l.rules.effective(client, l.service.Namespace, l.view.Host)
		if own == nil || theirs == own || theirs != nil && slices.Equal(theirs.from, own.from) {
			continue
		}
		if theirs == nil {
			l.conflict("destination-rule-hidden", own.from, "%s do not see %s (exportTo)%s", clientsIn(client), refWords(own.from), missingWords(named, nil))
			continue
		}
		if client == l.rules.root && theirs.host != l.view.Host {
			continue // a rule for all hosts is meant to give way
		}
		l.conflict("destination-rule-hidden", append(slices.Clone(theirs.from), own.from...),
			"%s use %s, which hides %s%s", clientsIn(client), refWords(theirs.from), refWords(own.from), missingWords(named, theirs))
	}
	l.shadowed(own)
	for _, r := range l.rules.all[l.view.Host] {
		if r.selected {
			l.conflict("destination-rule-selected", []mesh.Ref{r.ref}, "%s is for clients with certain labels (workloadSelector) alone; it is not counted here", r.ref)
		}
	}
}

// shadowed tells of subsets and policies that an older rule of the same
// namespace leaves no room for.
func (l *look) shadowed(own *mergedRule) {
	if own == nil || len(own.from) < 2 {
		return
	}
	for _, r := range l.rules.all[l.view.Host] {
		if r.ref == own.from[0] || !slices.Contains(own.from, r.ref) {
			continue
		}
		var lost []string
		for _, s := range r.subsets {
			at := slices.IndexFunc(own.subsets, func(have subset) bool { return have.name == s.name })
			if own.subsets[at].from != r.ref {
				lost = append(lost, "subset "+s.name)
			}
		}
		if r.policy != nil && own.policyFrom != r.ref {
			lost = append(lost, "its trafficPolicy")
		}
		if len(lost) > 0 {
			l.conflict("destination-rule-hidden", []mesh.Ref{r.ref, own.from[0]}, "of %s Istio passes over %s, which %s has already", r.ref, inWords(lost, "and"), own.from[0])
		}
	}
}

// clientsIn names the clients of a namespace, or of all that nothing names.
func clientsIn(namespace string) string {
	if namespace == "" {
		return "clients in other namespaces"
	}
	return "clients in namespace " + namespace
}

// ruleNamespaces are the namespaces whose clients may get other rules for the
// host than those in the service's own.
func (l *look) ruleNamespaces() []string {
	all := []string{""}
	add := func(r destinationRule) {
		all = append(all, r.ref.Namespace)
		for _, to := range r.exportTo {
			if to != "*" && to != "." && to != "~" {
				all = append(all, to)
			}
		}
	}
	for _, r := range l.rules.all[l.view.Host] {
		add(r)
	}
	for _, r := range l.rules.wild {
		if covers(r.host, l.view.Host) && r.ref.Namespace != l.rules.root {
			add(r)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// namedVersions are the subsets of the service that rules of the mesh send
// requests to.
func (l *look) namedVersions() []string {
	var all []string
	for _, t := range l.view.Tables {
		if t.API != Istio || t.Scope != meshGateway || t.Loses {
			continue
		}
		for _, r := range t.Rules {
			for _, d := range r.To {
				if d.Host == l.view.Host && d.Version != "" && d.Share > 0 && !slices.Contains(all, d.Version) {
					all = append(all, d.Version)
				}
			}
		}
	}
	return all
}

// missingWords says which versions a rule does not have.
func missingWords(named []string, m *mergedRule) string {
	var lost []string
	for _, v := range named {
		if _, ok := m.subset(v); !ok {
			lost = append(lost, v)
		}
	}
	if len(lost) == 0 {
		return ""
	}
	return fmt.Sprintf("; their requests to subset %s fail with 503", inWords(lost, "and"))
}

func refWords(refs []mesh.Ref) string {
	var words []string
	for _, r := range refs {
		words = append(words, r.String())
	}
	return inWords(words, "and")
}

// hosts tells of objects that name the service by a host that Istio takes
// literally, and that so route nothing of it.
func (l *look) hosts() {
	ns, name := l.service.Namespace, l.service.Name
	for _, h := range []string{name + "." + ns, name + "." + ns + ".svc"} {
		for _, src := range l.exact[h] {
			if slices.Contains(src.hosts, l.view.Host) {
				continue
			}
			l.conflict("host-not-resolved", []mesh.Ref{src.ref}, "%s names host %s, which Istio takes as it is: it does not route this service; write %s", src.ref, h, l.view.Host)
		}
		for _, r := range l.rules.all[h] {
			l.conflict("host-not-resolved", []mesh.Ref{r.ref}, "%s names host %s, which Istio takes as it is: it holds not for this service; write %s", r.ref, h, l.view.Host)
		}
	}
}

// sidecars tells which namespaces' proxies are configured not to know the
// service, or an object that governs it (istio.io/istio 1.29.1,
// pilot/pkg/model/sidecar.go). Sidecars for some workloads alone are passed
// over.
func (l *look) sidecars() {
	for _, u := range l.s.Config[mesh.Sidecars] {
		spec, _ := u.Object["spec"].(map[string]any)
		if rawMap(spec, "workloadSelector") != nil {
			continue
		}
		imports, limited := egressHosts(spec)
		if !limited {
			continue
		}
		who := "clients in namespace " + u.GetNamespace()
		if u.GetNamespace() == l.rules.root {
			continue // it is a default that each namespace may replace
		}
		if !imported(imports, u.GetNamespace(), l.service.Namespace, l.view.Host) {
			l.conflict("sidecar-scope", []mesh.Ref{refOf(u)}, "%s do not know this service: %s limits what they see", who, refOf(u))
			continue
		}
		for _, t := range l.view.Tables {
			if t.Scope == meshGateway && t.For(u.GetNamespace()) && !imported(imports, u.GetNamespace(), t.From.Namespace, l.view.Host) {
				l.conflict("sidecar-scope", []mesh.Ref{refOf(u), t.From}, "%s do not follow %s: %s limits what they see", who, t.From, refOf(u))
			}
		}
	}
}

// egressHosts are the hosts that a Sidecar's listeners for all ports import.
func egressHosts(spec map[string]any) (hosts []string, limited bool) {
	egress, _ := spec["egress"].([]any)
	for _, e := range egress {
		m, _ := e.(map[string]any)
		list, _ := m["hosts"].([]any)
		for _, h := range list {
			if text, ok := h.(string); ok {
				hosts = append(hosts, text)
			}
		}
		limited = true
	}
	return hosts, limited
}

// imported reports whether NAMESPACE/HOST entries hold a host of an object in
// a namespace.
func imported(imports []string, of, namespace, hostname string) bool {
	return slices.ContainsFunc(imports, func(entry string) bool {
		ns, h, ok := strings.Cut(entry, "/")
		if !ok {
			return false
		}
		if ns == "." {
			ns = of
		}
		return (ns == "*" || ns == namespace) && (h == "*" || covers(h, hostname))
	})
}
