package route

import (
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Phase is when a step may be taken: versions are made before traffic is sent
// to them, and taken away when none is.
type Phase string

// The phases, in their order.
const (
	Make  Phase = "make"  // adds what later steps refer to
	Move  Phase = "move"  // changes where requests go
	Clean Phase = "clean" // removes what nothing refers to any more
)

// Plan is an ordered list of writes that does what an intent says. Every
// prefix of it is a state in which no rule names a version that is not there.
type Plan struct {
	Intent Intent
	API    API
	Before *View // as it is
	After  *View // as it will be
	Steps  []Step
	Notes  []string           // what the reader should know: "a catch-all rule is added, …"
	Checks []diagnose.Finding // what speaks against it: at error the plan must not be carried out
}

// Step is one write of a plan.
type Step struct {
	mesh.Change
	Phase  Phase
	Expect Expect // what proxies have once the step has reached them
}

// Expect is what proxies whose scope holds the host have. It is looked for
// after the step, and before the next.
type Expect struct {
	Clusters []string // names of Envoy clusters: "outbound|9080|v2|reviews.shop.svc.cluster.local"
	Gone     []string // clusters that are there no more
	Unused   []string // clusters that no route sends requests to any more
	Routes   []ExpectRoute
	Policies []ExpectPolicy
}

// ExpectPolicy is how connections to a cluster are made. Zero values mean that
// nothing is bounded.
type ExpectPolicy struct {
	Cluster                                             string
	MaxConnections, MaxPending, MaxRequests, MaxRetries int64
	Consecutive5xx, MaxEjectionPercent                  int64
	Interval, BaseEjection                              time.Duration
	ConnectTimeout                                      time.Duration // 0: not looked at, as the mesh's default is not known
}

// ExpectRoute is a rule as proxies have it: the share of each cluster, in
// percent.
type ExpectRoute struct {
	Host     string             // a domain of the virtual host
	Port     int32              // of the service; 0: of a gateway
	Object   string             // what the route's metadata says it is made of: "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/reviews"
	Rule     int                // place among the rules of the object
	Clusters map[string]float64 // nil: no route of this object is left
	TCP      bool               // it stands in a listener: of connections, not of requests
	Maybe    bool               // some proxies get no route of the rule: its matches name clients, ports or gateways
	Action   *ExpectAction      // nil: not looked at
}

// ExpectAction is what else a route does with requests. Zero values mean that
// it does not.
type ExpectAction struct {
	Timeout      time.Duration
	Attempts     int // tries again; -1: not looked at, as the mesh's default is not known
	Delay        time.Duration
	DelayPercent float64
	Abort        string // HTTP status, or "grpc:" and the code's number
	AbortPercent float64
	Mirrors      map[string]float64 // percent by cluster
}

// RefusedError says that an intent cannot, or must not, be carried out:
// nothing is planned. It ends a command with exit code 1; any other error, and
// one of what is not there, is the user's input and ends it with 2.
type RefusedError struct {
	Check   string // the name of the safety rule: "subset-without-endpoints"
	Why     string
	Instead string // what to do instead
	Absent  bool   // what the intent names is not there
}

// Error says why, and what to do instead.
func (e *RefusedError) Error() string {
	if e.Instead == "" {
		return e.Why
	}
	return e.Why + ": " + e.Instead
}
