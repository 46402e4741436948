package route

import "time"

// Intent is what somebody wants of a service's traffic, in no API's terms. One
// of its actions is set.
type Intent struct {
	Namespace, Service string

	API   API    // None: the one in force, else Istio where it is installed
	Scope string // "mesh", "gateway/NAMESPACE/NAME", "all"; empty: must be clear
	Rule  string // the rule's name, "#2" by place, "all"; empty: the catch-all

	Shift   *Shift
	Match   *SetMatch
	Fault   *SetFault
	Timeout *Timeout
	Retry   *Retry
	Mirror  *SetMirror
	Breaker *Breaker
	TCP     *TCP
	Subset  *Subset
	Reset   *Reset
}

// Shift gives versions shares of a rule's requests, in percent. One of its
// fields is set.
type Shift struct {
	Set    []Share // one: the others keep their proportion; several: they total 100, and the others get nothing
	To     string  // this version gets everything
	Adjust []Share // these get so much more or less
	Equal  bool    // all versions that the rule names, or that have endpoints, get the same
}

// Share is a version and its percentage, with up to four decimals.
type Share struct {
	Version string
	Percent float64
}

// SetMatch sends the requests that meet all conditions to a version; or takes
// the rule away that is called Remove.
type SetMatch struct {
	Conditions []Condition
	To         string
	Name       string // of the rule; empty: made of the conditions
	First      bool   // before all other rules
	Before     string // before the rule of this name; empty, and not First: before the catch-all
	Remove     string
}

// SetFault delays or aborts requests on purpose; with Clear no more. With
// conditions it concerns only those that meet them, for which a rule is made
// where there is none.
type SetFault struct {
	Delay      time.Duration
	Abort      string // HTTP status, or "grpc:" and a code's name
	Percent    float64
	Conditions []Condition
	Review     time.Time // when to look at it again; zero: nobody says
	Clear      bool
}

// Timeout bounds a request; with Clear nothing does.
type Timeout struct {
	After time.Duration
	Clear bool
}

// Retry tries failed requests again; with Off never, with Clear as the mesh
// does by default.
type Retry struct {
	Attempts   int
	PerTry     time.Duration // 0: the timeout
	On         string        // Envoy's conditions, comma separated; empty: the mesh's default
	Off, Clear bool
}

// SetMirror copies requests to a version; with Clear no more.
type SetMirror struct {
	To      string
	Percent float64
	Clear   bool
}

// Breaker bounds connections and takes failing endpoints out, for the service
// or one version. Nil fields stay as they are; with Clear all of them go.
type Breaker struct {
	Version                  string // empty: the whole service
	MaxConnections           *int64
	MaxPending               *int64
	MaxRequestsPerConnection *int64
	MaxRetries               *int64
	ConnectTimeout           *time.Duration
	Consecutive5xx           *int64
	Interval                 *time.Duration
	BaseEjection             *time.Duration
	MaxEjectionPercent       *int64
	Clear                    bool
}

// TCP gives versions shares of connections that come in at a port of a
// gateway; with Clear its rule goes.
type TCP struct {
	Set     []Share // total 100
	Gateway string  // NAME, or NAMESPACE/NAME
	Port    int32   // of the gateway
	Clear   bool
}

// Subset adds, removes or completes versions.
type Subset struct {
	Add     string
	Labels  map[string]string // of Add
	Remove  string
	Auto    bool // one for each value of the label version that pods of the service have
	Service bool // as Services, for Gateway API
}

// Reset takes away what this program made, or all that routes the service.
type Reset struct {
	All     bool // rules that others made too
	Expired bool // only faults whose time for review has passed
}
