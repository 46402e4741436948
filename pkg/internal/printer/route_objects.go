package printer

import (
	"encoding/json"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// RouteList is the list of routes as programs read it: plain maps and lists,
// of kind RouteList.
func RouteList(views []*route.View, source string, now time.Time) (map[string]any, error) {
	out := routeListJSON{APIVersion: routeVersion, Kind: "RouteList", Time: now, Source: source, Items: []routeJSON{}}
	for _, v := range views {
		out.Items = append(out.Items, routeView(v, now))
	}
	return plain(out)
}

// RouteObject is one route as programs read it, of kind Route.
func RouteObject(v *route.View, now time.Time) (map[string]any, error) {
	return plain(routeView(v, now))
}

const routeVersion = "mesh.kubectl/v1alpha1"

// plain turns a struct into what JSON holds.
func plain(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	m := map[string]any{}
	return m, json.Unmarshal(text, &m)
}

func routeView(v *route.View, now time.Time) routeJSON {
	out := routeJSON{
		APIVersion: routeVersion, Kind: "Route", Metadata: metadataJSON{v.Service.Name, v.Service.Namespace},
		Host: v.Host, API: string(v.API), Ports: []routePortJSON{}, Headless: v.Headless, Endpoints: endpointsOf(v.Ready, v.Pods),
		Split: []splitJSON{}, Versions: []versionJSON{}, Tables: []routeTableJSON{}, Policies: []policyJSON{}, Owners: []ownerJSON{},
		Conflicts: []conflictJSON{}, Issues: []routeIssueJSON{}, Unknown: orEmpty(v.Unknown),
	}
	for _, p := range v.Ports {
		out.Ports = append(out.Ports, routePortJSON(p))
	}
	if r := mainRule(v, mainTable(v)); r != nil {
		for _, d := range r.To {
			out.Split = append(out.Split, splitJSON{Version: d.Version, Host: d.Host, Percent: d.Share})
		}
	}
	for _, x := range v.Versions {
		j := versionJSON{Name: x.Name, Labels: x.Labels, endpointsJSON: endpointsOf(x.Ready, x.Pods)}
		if x.From != (mesh.Ref{}) {
			j.From = &x.From
		}
		out.Versions = append(out.Versions, j)
	}
	for _, t := range v.Tables {
		out.Tables = append(out.Tables, tableJSON(t))
	}
	for _, p := range v.Policies {
		out.Policies = append(out.Policies, policyJSON{Version: p.Version, From: p.From, Words: orEmpty(p.Words)})
	}
	for _, ref := range sortedRefs(v.Owners) {
		o := v.Owners[ref]
		out.Owners = append(out.Owners, ownerJSON{Object: ref, Tool: o.Tool, Name: o.Name, Refuses: o.Refuses, Instead: o.Instead})
	}
	for _, c := range v.Conflicts {
		out.Conflicts = append(out.Conflicts, conflictJSON{Check: c.Check, Message: c.Message, Objects: orEmpty(c.Objects)})
	}
	for _, f := range route.Issues(v, now) {
		j := routeIssueJSON{Check: f.Check, Severity: f.Severity, Message: f.Message, Object: f.Object, Field: f.Field, Fix: []stepJSON{}}
		for _, s := range f.Fix {
			j.Fix = append(j.Fix, stepJSON(s))
		}
		out.Issues = append(out.Issues, j)
	}
	return out
}

func tableJSON(t route.Table) routeTableJSON {
	out := routeTableJSON{
		API: t.API, Scope: t.Scope, From: t.From, Merged: orEmpty(t.Merged), Hosts: orEmpty(t.Hosts), Ports: orEmpty(t.Ports),
		Only: orEmpty(t.Only), Except: orEmpty(t.Except), Loses: t.Loses, Rules: []ruleJSON{},
	}
	for _, r := range t.Rules {
		j := ruleJSON{
			Name: r.Name, From: r.From, Field: r.Field, Protocol: r.Protocol, Matches: [][]conditionJSON{}, To: []destinationJSON{},
			Timeout: r.Timeout, Retry: r.Retry, Mirrors: []mirrorJSON{}, Other: orEmpty(r.Other), Unreachable: r.Unreachable,
		}
		for _, m := range r.Matches {
			all := []conditionJSON{}
			for _, c := range m.Conditions {
				all = append(all, conditionJSON(c))
			}
			j.Matches = append(j.Matches, all)
		}
		for _, d := range r.To {
			j.To = append(j.To, destinationOf(d))
		}
		if r.Fault != nil {
			f := faultJSON(*r.Fault)
			j.Fault = &f
		}
		for _, m := range r.Mirrors {
			j.Mirrors = append(j.Mirrors, mirrorJSON{To: destinationOf(m.To), Percent: m.Percent})
		}
		out.Rules = append(out.Rules, j)
	}
	return out
}

func destinationOf(d route.Destination) destinationJSON {
	j := destinationJSON{
		Host: d.Host, Version: d.Version, Port: d.Port, Percent: d.Share, Missing: d.Missing, endpointsJSON: endpointsOf(d.Ready, d.Pods),
	}
	if d.Weight >= 0 {
		j.Weight = &d.Weight
	}
	return j
}

func endpointsOf(ready, pods int) endpointsJSON {
	known := func(n int) *int {
		if n < 0 {
			return nil
		}
		return &n
	}
	return endpointsJSON{Ready: known(ready), Pods: known(pods)}
}
