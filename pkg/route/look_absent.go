package route

import (
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// serviceEntries notes the hosts that look like a Service's and are kept by a
// ServiceEntry.
func (x *index) serviceEntries() {
	for _, u := range x.s.Config[mesh.ServiceEntries] {
		spec, _ := u.Object["spec"].(map[string]any)
		hosts, _ := spec["hosts"].([]any)
		for _, h := range hosts {
			if host, ok := h.(string); ok && strings.HasSuffix(host, ".svc."+domain) {
				x.entries = append(x.entries, host)
			}
		}
	}
}

// absent reports whether a host is one of the cluster's own, and nothing is
// known to stand behind it: no Service, and no ServiceEntry.
func (x *index) absent(hostname string) bool {
	ns, name, ok := serviceOf(hostname)
	return ok && !wildcard(name) && x.services[hostname] == nil && x.s.Complete(mesh.Services, ns) &&
		!slices.ContainsFunc(x.entries, func(h string) bool { return covers(h, hostname) })
}
