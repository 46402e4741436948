package printer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func apiCell(v *route.View) string {
	t := mainTable(v)
	switch {
	case t == nil:
		return "-"
	case t.Scope != "mesh":
		return string(t.API) + " (ingress)"
	}
	return string(t.API)
}

// splitCell is the split of the rule that most requests meet: "v1 80% v2 20%".
func splitCell(v *route.View) string {
	r := mainRule(v, mainTable(v))
	switch {
	case r == nil:
		return "all endpoints"
	case len(r.To) == 0 && len(r.Other) > 0:
		return r.Other[0]
	}
	var words []string
	for _, d := range r.To {
		if d.Share > 0 || len(r.To) < 4 {
			words = append(words, target(v, d)+" "+route.Percent(d.Share))
		}
	}
	return strings.Join(words, " ")
}

// target names a destination as briefly as it can be.
func target(v *route.View, d route.Destination) string {
	name := d.Version
	short := strings.TrimSuffix(strings.TrimSuffix(d.Host, ".svc.cluster.local"), "."+v.Service.Namespace)
	switch {
	case name == "" && d.Host == v.Host:
		return "all"
	case name == "":
		return short
	case d.Host == v.Host || strings.HasPrefix(short, v.Service.Name+"-"):
		return name
	case name == short:
		return name
	}
	return short + "/" + name
}

// ready is endpoints as "1/2"; "?" for what is not known.
func ready(n, of int) string {
	words := func(n int) string {
		if n < 0 {
			return "?"
		}
		return fmt.Sprint(n)
	}
	if n < 0 && of < 0 {
		return "?"
	}
	return words(n) + "/" + words(of)
}

// policyCell says what else is done to requests, faults first.
func policyCell(v *route.View, t *route.Table) string {
	var words []string
	add := func(text string) {
		if text != "" && !slices.Contains(words, text) {
			words = append(words, text)
		}
	}
	if t != nil {
		for _, r := range t.Rules {
			if r.Fault != nil {
				add("FAULT " + strings.TrimPrefix(cmp.Or(r.Fault.Delay, r.Fault.Abort), "grpc:"))
			}
		}
		for _, r := range t.Rules {
			if r.Timeout != "" {
				add("timeout " + r.Timeout)
			}
			if r.Retry != "" {
				add("retries")
			}
			for _, m := range r.Mirrors {
				add("mirror " + target(v, m.To) + " " + route.Percent(m.Percent))
			}
		}
	}
	for _, p := range v.Policies {
		for _, w := range p.Words {
			first, _, _ := strings.Cut(w, " ")
			switch {
			case strings.HasPrefix(first, "max"), strings.HasPrefix(first, "http"), first == "connectTimeout":
				add("limits")
			case first == "ejects", first == "TLS", first == "balances":
				add(first)
			}
		}
	}
	return strings.Join(words, ", ")
}

func ownerCell(v *route.View) string {
	var words []string
	for _, ref := range sortedRefs(v.Owners) {
		if text := v.Owners[ref].String(); !slices.Contains(words, text) {
			words = append(words, text)
		}
	}
	return strings.Join(words, ", ")
}

// sortedRefs are the objects that have owners, those that would undo a change
// first.
func sortedRefs(owners map[mesh.Ref]*mesh.Owner) []mesh.Ref {
	var refs []mesh.Ref
	for ref := range owners {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b mesh.Ref) int {
		if owners[a].Refuses != owners[b].Refuses {
			if owners[a].Refuses {
				return -1
			}
			return 1
		}
		return a.Compare(b)
	})
	return refs
}

// issuesCell names the worst, and how many there are beside it.
func issuesCell(v *route.View, o RouteOptions) string {
	var names []string
	for _, f := range route.Issues(v, o.Now) {
		if !slices.Contains(names, f.Check) {
			names = append(names, f.Check)
		}
	}
	for _, c := range v.Conflicts {
		if !slices.Contains(names, c.Check) {
			names = append(names, c.Check)
		}
	}
	if o.Wide || len(names) < 2 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s +%d", names[0], len(names)-1)
}

func objectsCell(v *route.View) string {
	var words []string
	for _, t := range v.Tables {
		for _, ref := range append([]mesh.Ref{t.From}, t.Merged...) {
			if text := ref.String(); !slices.Contains(words, text) {
				words = append(words, text)
			}
		}
	}
	return strings.Join(words, ", ")
}

func portsCell(v *route.View) string {
	var words []string
	for _, p := range v.Ports {
		words = append(words, fmt.Sprintf("%d/%s", p.Number, p.Protocol))
	}
	return strings.Join(words, ",")
}
