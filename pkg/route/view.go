package route

import (
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// API is the family of objects that routes a service.
type API string

// The APIs.
const (
	None    API = ""        // no object: every ready endpoint gets its share
	Istio   API = "istio"   // VirtualService and DestinationRule
	Gateway API = "gateway" // HTTPRoute, GRPCRoute, TCPRoute
)

// View is how one service's traffic is routed.
type View struct {
	Service  mesh.Ref
	Host     string // "reviews.shop.svc.cluster.local"
	Ports    []Port
	Headless bool
	// API is what clients in the service's own namespace follow.
	API API
	// Versions are the groups of endpoints that rules can name: subsets of the
	// DestinationRules that clients in the service's namespace see, or, under
	// Gateway API, the Services that stand for versions. Sorted by name.
	Versions []Version
	// Tables are the sets of rules that clients follow: those of the mesh
	// first, then one for each gateway that leads to the service.
	Tables []Table
	// Policies are how connections to the service, and to each version, are
	// made, as DestinationRules say.
	Policies []Policy
	// Ready and Pods count the service's endpoints; -1 where they are not known.
	Ready, Pods int
	// Owners keep objects that govern the service, by object.
	Owners map[mesh.Ref]*mesh.Owner
	// Conflicts are objects that compete, in words that name the winner and
	// for whom it wins.
	Conflicts []Conflict
	// Unknown says what could not be read and may change the answer, each in
	// one sentence.
	Unknown []string
}

// Port is a port of the service.
type Port struct {
	Name     string
	Number   int32
	Protocol string // as Istio takes it: http, http2, grpc, https, tls, tcp, udp, or auto where it is sniffed
}

// Version is a group of a service's endpoints.
type Version struct {
	Name   string            // of the subset, or what follows the service's name in a Service's: "v2"
	Labels map[string]string // of its pods
	From   mesh.Ref          // the DestinationRule or Service that makes it; empty where only pods' labels suggest it
	Ready  int               // endpoints; -1 where they are not known
	Pods   int               // -1 where they are not known
}

// Table is a set of rules that some clients follow.
type Table struct {
	API    API
	Scope  string     // "mesh", or "gateway/NAMESPACE/NAME"
	From   mesh.Ref   // the object that the rules stand in
	Merged []mesh.Ref // other objects whose rules stand in it too, the oldest first
	Hosts  []string   // that requests must be for
	Ports  []int32    // of the service for which it holds, where it does not for all
	Rules  []Rule
	Only   []string // namespaces of the clients that follow it; empty: all
	Except []string // namespaces of clients that follow another
	Loses  bool     // no client follows it: another object wins

	object string // what proxies' metadata calls what its routes are made of; empty for a gateway's
}

// Rule is one of a table's rules, in the order in which they are tried.
type Rule struct {
	Name     string   // empty where it has none
	From     mesh.Ref // the object that it stands in: the table's, one merged with it, or a delegate
	Field    string   // where it stands in the object: "spec.http[1]"
	Protocol string   // http, grpc, tcp, tls
	Matches  []Match  // any of them; none: every request
	To       []Destination
	Timeout  string // as written; empty: none
	Retry    string // in words: "3 attempts, 2s each, on 5xx"; empty: the mesh's default
	Fault    *Fault
	Mirrors  []Mirror
	Other    []string // what else it does, in words: "redirects to …", "rewrites the path to …"
	// Unreachable says that an earlier rule takes everything.
	Unreachable bool
}

// Match is one alternative of a rule: all of its conditions.
type Match struct{ Conditions []Condition }

// Condition is one condition of a match.
type Condition struct {
	What  string // header, path, method, query, authority, scheme, port, source-label, source-namespace, gateway, sni, without-header, other
	Key   string // of a header, a query parameter, a label
	How   string // exact, prefix, regex, present
	Value string
}

// Destination is where a share of a rule's requests goes.
type Destination struct {
	Host    string  // FQDN; under Gateway API that of the version's own Service
	Version string  // empty: all of the host
	Port    int32   // 0: the request's
	Weight  int64   // as written; -1 where none is
	Share   float64 // of the rule's requests, in percent
	Ready   int     // endpoints; -1 where they are not known
	Pods    int
	Missing bool // the version is not there: requests fail
}

// Fault is what a rule does to requests on purpose.
type Fault struct {
	Delay        string // "7s"; empty for none
	DelayPercent float64
	Abort        string // "500", or "grpc:UNAVAILABLE"; empty for none
	AbortPercent float64
	Review       string // when somebody wanted to look at it again (RFC 3339); empty: nobody said
}

// Mirror is a copy of a rule's requests.
type Mirror struct {
	To      Destination
	Percent float64
}

// Policy is how connections are made.
type Policy struct {
	Version string // empty: the whole service
	From    mesh.Ref
	Words   []string // each a setting: "maxConnections 1", "ejects after 5 consecutive 5xx"
	Ejects  int32    // the greatest part of the endpoints that may be taken out, in percent; 0 where none is
}

// Conflict is a competition between objects.
type Conflict struct {
	Check   string // the check's name, as in plans and in the doctor: "virtualservice-host-conflict"
	Message string
	Objects []mesh.Ref
}
