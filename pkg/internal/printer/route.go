package printer

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// RouteOptions is what the lists of routes are laid out by.
type RouteOptions struct {
	Style
	Now       time.Time // decides which faults are overdue
	Namespace bool      // a column for it
	All       bool      // services that nothing routes too
}

// Routed reports whether some object governs a service.
func Routed(v *route.View) bool {
	return len(v.Tables) > 0 || len(v.Policies) > 0 || len(v.Conflicts) > 0
}

// Routes writes a line a service, as kubectl get does, and counts those that
// nothing routes in the last, unless o.All shows them. It fails when the writer
// does.
func Routes(w io.Writer, views []*route.View, o RouteOptions) error {
	rows := [][]string{RouteHeader(o)}
	plain := 0
	for _, v := range views {
		if !o.All && !Routed(v) {
			plain++
			continue
		}
		rows = append(rows, RouteRow(v, o))
	}
	var out bytes.Buffer
	if len(rows) > 1 {
		RouteRows(&out, rows, o)
	}
	switch {
	case plain > 0:
		fmt.Fprintf(&out, "%s without rules (-o wide shows them)\n", plural(plain, "service"))
	case len(rows) == 1:
		out.WriteString("no services\n")
	}
	_, err := w.Write(out.Bytes())
	return err
}

// RouteRows lays rows out in columns.
func RouteRows(out *bytes.Buffer, rows [][]string, o RouteOptions) {
	width := cmp.Or(o.Width, 100)
	if o.Wide {
		width = 0
	}
	columns(out, rows, width)
}

// RouteHeader names the columns of RouteRow.
func RouteHeader(o RouteOptions) []string {
	row := []string{"SERVICE", "API", "SPLIT", "RULES", "ENDPOINTS", "POLICY", "OWNER", "ISSUES"}
	if o.Wide {
		row = append(row, "OBJECTS", "PORTS")
	}
	if o.Namespace {
		row = append([]string{"NAMESPACE"}, row...)
	}
	return row
}

// RouteRow is a service as a line of the list.
func RouteRow(v *route.View, o RouteOptions) []string {
	t := mainTable(v)
	rules := 0
	if t != nil {
		rules = len(t.Rules)
	}
	row := []string{
		v.Service.Name, apiCell(v), cell(splitCell(v)), fmt.Sprint(rules), ready(v.Ready, v.Pods),
		cell(policyCell(v, t)), cell(ownerCell(v)), cell(issuesCell(v, o)),
	}
	if o.Wide {
		row = append(row, cell(objectsCell(v)), cell(portsCell(v)))
	}
	if o.Namespace {
		row = append([]string{v.Service.Namespace}, row...)
	}
	return row
}

// mainTable is what most clients follow: the mesh's rules for the service's own
// namespace, else those for others, else a gateway's. nil for none.
func mainTable(v *route.View) *route.Table {
	for i, t := range v.Tables {
		if !t.Loses && t.Scope == "mesh" {
			return &v.Tables[i]
		}
	}
	for i, t := range v.Tables {
		if !t.Loses {
			return &v.Tables[i]
		}
	}
	return nil
}

// mainRule is the rule that most requests of a table meet: the one for all
// that no other takes.
func mainRule(v *route.View, t *route.Table) *route.Rule {
	if t == nil {
		return nil
	}
	var last *route.Rule
	for i := range t.Rules {
		r := &t.Rules[i]
		if r.Unreachable || t.Scope != "mesh" && !slices.ContainsFunc(r.To, func(d route.Destination) bool { return leads(v, t, d) }) {
			continue
		}
		last = r
		if r.CatchAll() {
			break
		}
	}
	return last
}

// leads reports whether a gateway's rule leads to the service or one of its
// versions, which under Gateway API are Services of their own.
func leads(v *route.View, t *route.Table, d route.Destination) bool {
	return d.Host == v.Host || t.API == route.Gateway && d.Version != ""
}
