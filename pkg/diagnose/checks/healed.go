package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// callFailures are the causes in which the API server got no answer from the
// injector; they are the injector's fault, or the way's, never the pod's.
func callFailures() []cause {
	return []cause{
		causeNoEndpoints, causeServiceNotFound, causeUnknownAuthority, causeExpired, causeWrongName, causeNoRoute,
		causeNoSuchHost, causeConnectionRefused, causeWrongPort, causeTimeout, causeProxyConnect,
	}
}

// healed tells why a refusal no longer holds: what it complains of has
// changed since. It is empty while the refusal stands. Controllers wait up to
// about 16 minutes before they try again, and until then the words of the
// last refusal stay in events and conditions.
func (b *backend) healed(s *mesh.Snapshot, r refusal) string {
	if !slices.Contains(callFailures(), r.Cause) || !b.healthy() {
		return ""
	}
	switch {
	case r.Cause == causeNoEndpoints:
		return b.String() + " has a ready endpoint now"
	case r.Cause == causeServiceNotFound:
		return b.String() + " is there now"
	case b.injected.After(r.Last):
		return "pods have been injected since, at " + clock(b.injected)
	case b.readySince().After(r.Last):
		return "istiod became ready since, at " + clock(b.readySince())
	case r.Cause != causeProxyConnect && b.elsewhere(r.Message):
		return "the address that it names is no longer istiod's"
	}
	return b.changedSince(s, r.Last)
}

// changedSince tells what of the way to istiod was changed after a moment:
// the webhook configuration, the Service, a NetworkPolicy beside it.
func (b *backend) changedSince(s *mesh.Snapshot, since time.Time) string {
	told := func(what string, o metav1.Object) string {
		return fmt.Sprintf("%s %s was changed since, at %s", what, o.GetName(), clock(changed(o)))
	}
	for _, c := range s.MutatingWebhooks {
		if slices.Contains(b.configs, c.Name) && changed(c).After(since) {
			return told("MutatingWebhookConfiguration", c)
		}
	}
	if changed(b.service).After(since) {
		return told("Service", b.service)
	}
	for _, n := range s.NetworkPolicies {
		if n.Namespace == b.namespace && changed(n).After(since) {
			return told("NetworkPolicy", n)
		}
	}
	return ""
}

// split parts refusals of calls to this backend into those that stand and
// those that no longer do.
func (b *backend) split(s *mesh.Snapshot, own []refusal) (standing, over []refusal) {
	for _, r := range own {
		if b.healed(s, r) == "" {
			standing = append(standing, r)
		} else {
			over = append(over, r)
		}
	}
	return standing, over
}

// lastInjected is when the youngest pod was made that a revision injected;
// zero when none was.
func lastInjected(s *mesh.Snapshot, revision string) time.Time {
	var last time.Time
	for _, p := range s.Pods {
		rev, known := p.Annotations[mesh.RevisionLabel]
		if p.Annotations[mesh.StatusAnnotation] == "" || known && rev != revision || !known && revision != "default" {
			continue
		}
		if p.CreationTimestamp.After(last) {
			last = p.CreationTimestamp.Time
		}
	}
	return last
}

// elsewhere reports whether a refusal names an address that was dialled, and
// that is neither an endpoint of the Service today nor its own.
func (b *backend) elsewhere(message string) bool {
	_, rest, found := strings.Cut(message, "dial tcp ")
	address, _, ok := strings.Cut(rest, ": ")
	if !found || !ok || b.port() == nil {
		return false
	}
	if address == fmt.Sprintf("%s:%d", b.service.Spec.ClusterIP, b.port().Port) {
		return false
	}
	return !slices.Contains(b.hosts, address)
}

// addresses are the endpoints that the webhooks' calls go to, as HOST:PORT.
func (b *backend) addresses(s *mesh.Snapshot) []string {
	var all []string
	for _, sl := range s.EndpointSlices {
		if sl.Namespace != b.namespace || sl.Labels[discovery.LabelServiceName] != b.name || b.port() == nil {
			continue
		}
		for _, p := range sl.Ports {
			if p.Port == nil || p.Name != nil && *p.Name != b.port().Name {
				continue
			}
			for _, e := range sl.Endpoints {
				for _, a := range e.Addresses {
					if strings.Contains(a, ":") {
						a = "[" + a + "]"
					}
					all = append(all, fmt.Sprintf("%s:%d", a, *p.Port))
				}
			}
		}
	}
	return all
}

// changed is when an object was last written, as far as it tells.
func changed(o metav1.Object) time.Time {
	at := o.GetCreationTimestamp().Time
	for _, f := range o.GetManagedFields() {
		if f.Time != nil && f.Time.After(at) {
			at = f.Time.Time
		}
	}
	return at
}

// clock writes a time as reports do.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
