package route

import (
	"fmt"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// virtualServices files every VirtualService, those that others delegate to
// first.
func (x *index) virtualServices() {
	var roots []*source
	list := x.s.Config[mesh.VirtualServices]
	specs, errs := decoded[networking.VirtualService](list)
	for i, u := range list {
		ref, spec := refOf(u), specs[i]
		x.objects[ref] = u
		if errs[i] != nil {
			x.unreadable(u, errs[i])
			continue
		}
		src := virtualService(u, ref, spec, x.config.DefaultVirtualServiceExportTo)
		if len(spec.Hosts) == 0 {
			x.delegates[ref.Namespace+"/"+ref.Name] = src
			continue
		}
		roots = append(roots, src)
	}
	for _, src := range roots {
		x.delegate(src)
		x.file(src)
	}
}

// virtualService reads one, with its hosts and gateways completed
// (istio.io/istio 1.29.1, pilot/pkg/model/virtualservice.go:
// resolveVirtualServiceShortnames).
func virtualService(u *unstructured.Unstructured, ref mesh.Ref, spec *networking.VirtualService, defaults []string) *source {
	src := &source{
		api: Istio, ref: ref, namespace: ref.Namespace, name: ref.Name, created: u.GetCreationTimestamp().Time,
		seen: exported(spec.ExportTo, defaults, ref.Namespace),
	}
	for _, h := range spec.Hosts {
		src.hosts = append(src.hosts, resolve(h, ref.Namespace))
	}
	for _, gw := range spec.Gateways {
		src.gateways = append(src.gateways, resolveGateway(gw, ref.Namespace))
	}
	if len(src.gateways) == 0 {
		src.gateways = []string{meshGateway}
	}
	review := u.GetAnnotations()[FaultReview]
	raw, _ := u.Object["spec"].(map[string]any)
	for i, r := range spec.Http {
		e := httpEntry(r, rawItem(raw, "http", i), ref, i)
		if e.rule.Fault != nil {
			e.rule.Fault.Review = review
		}
		src.entries = append(src.entries, e)
	}
	for i, r := range spec.Tls {
		src.entries = append(src.entries, tlsEntry(r, rawItem(raw, "tls", i), ref, i))
	}
	for i, r := range spec.Tcp {
		src.entries = append(src.entries, tcpEntry(r, rawItem(raw, "tcp", i), ref, i))
	}
	return src
}

// httpEntry reads a rule of spec.http. What is shown as it was written is
// taken from raw.
func httpEntry(r *networking.HTTPRoute, raw map[string]any, ref mesh.Ref, i int) entry {
	e := entry{
		rule: Rule{
			Name: r.Name, From: ref, Field: fmt.Sprintf("spec.http[%d]", i), Protocol: "http",
			Timeout: rawText(raw, "timeout"), Retry: retryWords(r.Retries, raw), Fault: faultOf(r.Fault, raw), Other: otherWords(r),
		},
		any:    len(r.Match) == 0,
		routed: len(r.Route) > 0 || r.Redirect != nil || r.DirectResponse != nil,
	}
	if strings.Trim(e.rule.Timeout, "0.smhnuµ") == "" {
		e.rule.Timeout = "" // 0s is none
	}
	if r.Delegate != nil {
		ns := r.Delegate.Namespace
		if ns == "" {
			ns = ref.Namespace
		}
		e.delegate = ns + "/" + r.Delegate.Name
	}
	for _, m := range r.Match {
		e.matches = append(e.matches, httpMatch(m, ref.Namespace))
	}
	for j, d := range r.Route {
		e.add(destination(d.Destination, d.Weight, rawItem(raw, "route", j), ref.Namespace))
	}
	if r.Mirror != nil {
		percent := 100.0
		switch {
		case r.MirrorPercentage != nil:
			percent = r.MirrorPercentage.Value
		//lint:ignore SA1019 old objects have it
		case r.MirrorPercent != nil:
			//lint:ignore SA1019 old objects have it
			percent = float64(r.MirrorPercent.Value)
		}
		e.mirror(r.Mirror, percent, ref.Namespace)
	}
	for _, m := range r.Mirrors {
		percent := 100.0
		if m.Percentage != nil {
			percent = m.Percentage.Value
		}
		e.mirror(m.Destination, percent, ref.Namespace)
	}
	share(e.rule.To)
	return e
}

func (e *entry) add(d Destination) {
	e.rule.To = append(e.rule.To, d)
	e.hosts = append(e.hosts, d.Host)
}

// mirror notes a copy; of 0 % there is none (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/route/route.go: MirrorPercent).
func (e *entry) mirror(to *networking.Destination, percent float64, namespace string) {
	if to == nil || percent <= 0 {
		return
	}
	d := destination(to, 0, nil, namespace)
	d.Share = 0
	e.rule.Mirrors = append(e.rule.Mirrors, Mirror{To: d, Percent: percent})
}

func tlsEntry(r *networking.TLSRoute, raw map[string]any, ref mesh.Ref, i int) entry {
	e := entry{rule: Rule{From: ref, Field: fmt.Sprintf("spec.tls[%d]", i), Protocol: "tls"}, any: len(r.Match) == 0, routed: len(r.Route) > 0}
	for _, m := range r.Match {
		got := match{port: m.Port, gateways: gatewaysIn(m.Gateways, ref.Namespace), sourceLabels: m.SourceLabels, sourceNamespace: m.SourceNamespace}
		for _, h := range m.SniHosts {
			got.conditions = append(got.conditions, Condition{What: "sni", How: "exact", Value: h})
		}
		for _, subnet := range m.DestinationSubnets {
			got.conditions = append(got.conditions, Condition{What: "other", Value: "destination in " + subnet})
		}
		got.whole = len(got.conditions) == 0
		e.matches = append(e.matches, got)
	}
	for j, d := range r.Route {
		e.add(destination(d.Destination, d.Weight, rawItem(raw, "route", j), ref.Namespace))
	}
	share(e.rule.To)
	return e
}

func tcpEntry(r *networking.TCPRoute, raw map[string]any, ref mesh.Ref, i int) entry {
	e := entry{rule: Rule{From: ref, Field: fmt.Sprintf("spec.tcp[%d]", i), Protocol: "tcp"}, any: len(r.Match) == 0, routed: len(r.Route) > 0}
	for _, m := range r.Match {
		got := match{port: m.Port, gateways: gatewaysIn(m.Gateways, ref.Namespace), sourceLabels: m.SourceLabels, sourceNamespace: m.SourceNamespace}
		for _, subnet := range m.DestinationSubnets {
			got.conditions = append(got.conditions, Condition{What: "other", Value: "destination in " + subnet})
		}
		got.whole = len(got.conditions) == 0
		e.matches = append(e.matches, got)
	}
	for j, d := range r.Route {
		e.add(destination(d.Destination, d.Weight, rawItem(raw, "route", j), ref.Namespace))
	}
	share(e.rule.To)
	return e
}

// destination reads where requests go; endpoints are counted later.
func destination(d *networking.Destination, weight int32, raw map[string]any, namespace string) Destination {
	to := Destination{Host: resolve(d.GetHost(), namespace), Version: d.GetSubset(), Port: int32(d.GetPort().GetNumber()), Weight: int64(weight), Ready: -1, Pods: -1}
	if _, written := raw["weight"]; !written {
		to.Weight = -1
	}
	return to
}

// share works out what each destination gets: one gets everything whatever its
// weight; of several, those without a weight get nothing (istio.io/istio
// 1.29.1, pilot/pkg/networking/core/route/route.go: applyHTTPRouteDestination,
// and core/networkfilter.go for TCP).
func share(to []Destination) {
	if len(to) == 1 {
		to[0].Share = 100
		return
	}
	var sum int64
	for _, d := range to {
		sum += max(d.Weight, 0)
	}
	for i := range to {
		if sum > 0 {
			to[i].Share = 100 * float64(max(to[i].Weight, 0)) / float64(sum)
		}
	}
}

// rawItem is an element of a list as it was written.
func rawItem(raw map[string]any, field string, i int) map[string]any {
	items, _ := raw[field].([]any)
	if i >= len(items) {
		return nil
	}
	m, _ := items[i].(map[string]any)
	return m
}

// rawMap is an object in an object as it was written.
func rawMap(raw map[string]any, fields ...string) map[string]any {
	for _, f := range fields {
		raw, _ = raw[f].(map[string]any)
	}
	return raw
}

// rawText is a value as it was written; empty where there is none.
func rawText(raw map[string]any, field string) string {
	if v, ok := raw[field]; ok && v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func gatewaysIn(names []string, namespace string) []string {
	var all []string
	for _, n := range names {
		all = append(all, resolveGateway(n, namespace))
	}
	return all
}
