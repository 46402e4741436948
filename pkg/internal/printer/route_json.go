package printer

import (
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// The routes as programs read them. Fields may be added, never renamed; a
// number that is not known is null.
type routeListJSON struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Time       time.Time   `json:"time"`
	Source     string      `json:"source"`
	Items      []routeJSON `json:"items"`
}

type routeJSON struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Metadata   metadataJSON     `json:"metadata"`
	Host       string           `json:"host"`
	API        string           `json:"api"`
	Ports      []routePortJSON  `json:"ports"`
	Headless   bool             `json:"headless"`
	Endpoints  endpointsJSON    `json:"endpoints"`
	Split      []splitJSON      `json:"split"`
	Versions   []versionJSON    `json:"versions"`
	Tables     []routeTableJSON `json:"tables"`
	Policies   []policyJSON     `json:"policies"`
	Owners     []ownerJSON      `json:"owners"`
	Conflicts  []conflictJSON   `json:"conflicts"`
	Issues     []routeIssueJSON `json:"issues"`
	Unknown    []string         `json:"unknown"`
}

type metadataJSON struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type routePortJSON struct {
	Name     string `json:"name"`
	Number   int32  `json:"number"`
	Protocol string `json:"protocol"`
}

type endpointsJSON struct {
	Ready *int `json:"ready"`
	Pods  *int `json:"pods"`
}

type splitJSON struct {
	Version string  `json:"version"` // empty: all of the host
	Host    string  `json:"host"`
	Percent float64 `json:"percent"`
}

type versionJSON struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	From   *mesh.Ref         `json:"from"` // null: labels of pods alone
	endpointsJSON
}

type routeTableJSON struct {
	API    route.API  `json:"api"`
	Scope  string     `json:"scope"`
	From   mesh.Ref   `json:"from"`
	Merged []mesh.Ref `json:"merged"`
	Hosts  []string   `json:"hosts"`
	Ports  []int32    `json:"ports"`
	Only   []string   `json:"only"`
	Except []string   `json:"except"`
	Loses  bool       `json:"loses"`
	Rules  []ruleJSON `json:"rules"`
}

type ruleJSON struct {
	Name        string            `json:"name"`
	From        mesh.Ref          `json:"from"`
	Field       string            `json:"field"`
	Protocol    string            `json:"protocol"`
	Matches     [][]conditionJSON `json:"matches"`
	To          []destinationJSON `json:"to"`
	Timeout     string            `json:"timeout"`
	Retry       string            `json:"retry"`
	Fault       *faultJSON        `json:"fault"`
	Mirrors     []mirrorJSON      `json:"mirrors"`
	Other       []string          `json:"other"`
	Unreachable bool              `json:"unreachable"`
}

type conditionJSON struct {
	What  string `json:"what"`
	Key   string `json:"key"`
	How   string `json:"how"`
	Value string `json:"value"`
}

type destinationJSON struct {
	Host    string  `json:"host"`
	Version string  `json:"version"`
	Port    int32   `json:"port"`
	Weight  *int64  `json:"weight"` // as written
	Percent float64 `json:"percent"`
	Missing bool    `json:"missing"`
	endpointsJSON
}

type faultJSON struct {
	Delay        string  `json:"delay"`
	DelayPercent float64 `json:"delayPercent"`
	Abort        string  `json:"abort"`
	AbortPercent float64 `json:"abortPercent"`
	Review       string  `json:"review"`
}

type mirrorJSON struct {
	To      destinationJSON `json:"to"`
	Percent float64         `json:"percent"`
}

type policyJSON struct {
	Version string   `json:"version"`
	From    mesh.Ref `json:"from"`
	Words   []string `json:"words"`
}

type ownerJSON struct {
	Object  mesh.Ref `json:"object"`
	Tool    string   `json:"tool"`
	Name    string   `json:"name"`
	Refuses bool     `json:"refuses"`
	Instead string   `json:"instead"`
}

type conflictJSON struct {
	Check   string     `json:"check"`
	Message string     `json:"message"`
	Objects []mesh.Ref `json:"objects"`
}

type routeIssueJSON struct {
	Check    string            `json:"check"`
	Severity diagnose.Severity `json:"severity"`
	Message  string            `json:"message"`
	Object   mesh.Ref          `json:"object"`
	Field    string            `json:"field"`
	Fix      []stepJSON        `json:"fix"`
}
