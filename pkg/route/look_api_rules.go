package route

import (
	"fmt"
	"strings"

	gateway "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// httpEntries reads a rule of an HTTPRoute: an entry for each of its matches,
// since these are sorted by themselves.
func httpEntries(r gateway.HTTPRouteRule, ref mesh.Ref, i int) []apiEntry {
	base := apiEntry{entry: entry{rule: Rule{From: ref, Field: ruleField(i), Protocol: "http"}, routed: true}}
	if r.Name != nil {
		base.rule.Name = string(*r.Name)
	}
	var refs []gateway.BackendRef
	for _, b := range r.BackendRefs {
		refs = append(refs, b.BackendRef)
	}
	base.backends(refs, ref.Namespace)
	redirects := false
	for _, f := range r.Filters {
		redirects = redirects || f.RequestRedirect != nil
		base.filter(f, ref.Namespace)
	}
	if !redirects {
		base.closed()
	}
	base.timeouts(r)
	matches := r.Matches
	if len(matches) == 0 {
		matches = []gateway.HTTPRouteMatch{{}}
	}
	var all []apiEntry
	for _, m := range matches {
		e := base
		e.httpMatch(m)
		all = append(all, e)
	}
	return all
}

// httpMatch reads one alternative. Without a path it is every path, which the
// API server fills in.
func (e *apiEntry) httpMatch(m gateway.HTTPRouteMatch) {
	var conditions []Condition
	how, path := gateway.PathMatchPathPrefix, "/"
	if m.Path != nil {
		if m.Path.Type != nil {
			how = *m.Path.Type
		}
		if m.Path.Value != nil {
			path = *m.Path.Value
		}
	}
	e.length = len(path)
	switch how {
	case gateway.PathMatchExact:
		e.rank = 3
		conditions = append(conditions, Condition{What: "path", How: "exact", Value: path})
	case gateway.PathMatchRegularExpression:
		e.rank = 1
		conditions = append(conditions, Condition{What: "path", How: "regex", Value: path})
	default:
		e.rank = 2
		if path != "/" {
			path = strings.TrimSuffix(path, "/")
			e.length = len(path)
			conditions = append(conditions, Condition{What: "path", How: "prefix", Value: path})
		}
	}
	if m.Method != nil {
		e.method = true
		conditions = append(conditions, Condition{What: "method", How: "exact", Value: string(*m.Method)})
	}
	for _, h := range m.Headers {
		e.headers++
		conditions = append(conditions, Condition{What: "header", Key: string(h.Name), How: exactOr(h.Type != nil && *h.Type == gateway.HeaderMatchRegularExpression), Value: h.Value})
	}
	for _, q := range m.QueryParams {
		e.queries++
		conditions = append(conditions, Condition{What: "query", Key: string(q.Name), How: exactOr(q.Type != nil && *q.Type == gateway.QueryParamMatchRegularExpression), Value: q.Value})
	}
	e.only(conditions)
}

func exactOr(regex bool) string {
	if regex {
		return "regex"
	}
	return "exact"
}

// only makes conditions the entry's; none take every request.
func (e *apiEntry) only(conditions []Condition) {
	e.any = len(conditions) == 0
	e.matches = nil
	if !e.any {
		e.matches = []match{{conditions: conditions}}
	}
}

// grpcEntries reads a rule of a GRPCRoute (pilot/pkg/config/kube/gateway/
// conversion.go: createGRPCURIMatch: a path of service and method).
func grpcEntries(r gateway.GRPCRouteRule, ref mesh.Ref, i int) []apiEntry {
	base := apiEntry{entry: entry{rule: Rule{From: ref, Field: ruleField(i), Protocol: "grpc"}, routed: true}}
	if r.Name != nil {
		base.rule.Name = string(*r.Name)
	}
	var refs []gateway.BackendRef
	for _, b := range r.BackendRefs {
		refs = append(refs, b.BackendRef)
	}
	base.backends(refs, ref.Namespace)
	base.closed()
	for _, f := range r.Filters {
		if f.RequestMirror != nil {
			base.mirrors(f.RequestMirror, ref.Namespace)
		} else {
			base.rule.Other = append(base.rule.Other, headerWords("request", f.RequestHeaderModifier)...)
			base.rule.Other = append(base.rule.Other, headerWords("response", f.ResponseHeaderModifier)...)
		}
	}
	matches := r.Matches
	if len(matches) == 0 {
		matches = []gateway.GRPCRouteMatch{{}}
	}
	var all []apiEntry
	for _, m := range matches {
		e := base
		e.grpcMatch(m)
		all = append(all, e)
	}
	return all
}

func (e *apiEntry) grpcMatch(m gateway.GRPCRouteMatch) {
	var conditions []Condition
	if m.Method != nil && (m.Method.Service != nil || m.Method.Method != nil) {
		service, method := "", ""
		if m.Method.Service != nil {
			service = *m.Method.Service
		}
		if m.Method.Method != nil {
			method = *m.Method.Method
		}
		c := Condition{What: "path", How: "exact", Value: "/" + service + "/" + method}
		e.rank = 3
		switch {
		case m.Method.Type != nil && *m.Method.Type == gateway.GRPCMethodMatchRegularExpression:
			e.rank = 1
			c.How, c.Value = "regex", fmt.Sprintf("/%s/%s", orAny(service, ".+"), orAny(method, ".+"))
		case service == "":
			e.rank = 1
			c.How, c.Value = "regex", "/[^/]+/"+method
		case method == "":
			e.rank = 2
			c.How = "prefix"
		}
		e.length = len(c.Value)
		conditions = append(conditions, c)
	}
	for _, h := range m.Headers {
		e.headers++
		conditions = append(conditions, Condition{What: "header", Key: string(h.Name), How: exactOr(h.Type != nil && *h.Type == gateway.GRPCHeaderMatchRegularExpression), Value: h.Value})
	}
	e.only(conditions)
}

func orAny(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// backends reads where requests go. A weight that is not written is 1.
func (e *entry) backends(refs []gateway.BackendRef, namespace string) {
	var sum int64
	weight := func(b gateway.BackendRef) int64 {
		if b.Weight == nil {
			return 1
		}
		return int64(*b.Weight)
	}
	for _, b := range refs {
		sum += weight(b)
	}
	for _, b := range refs {
		d := Destination{Host: backendHost(b.BackendObjectReference, namespace), Weight: -1, Ready: -1, Pods: -1}
		if b.Weight != nil {
			d.Weight = int64(*b.Weight)
		}
		if b.Port != nil {
			d.Port = int32(*b.Port)
		}
		if sum > 0 {
			d.Share = 100 * float64(weight(b)) / float64(sum)
		}
		e.add(d)
	}
}

// backendHost is the host of a Service, or what else is named.
func backendHost(b gateway.BackendObjectReference, namespace string) string {
	if b.Namespace != nil {
		namespace = string(*b.Namespace)
	}
	if b.Kind != nil && *b.Kind == "Hostname" {
		return string(b.Name)
	}
	return fqdn(namespace, string(b.Name))
}

// closed notes that a rule that sends requests nowhere answers them with an
// error (pilot/pkg/config/kube/gateway/conversion.go: convertHTTPRoute).
func (e *entry) closed() {
	for _, d := range e.rule.To {
		if d.Share > 0 {
			return
		}
	}
	e.rule.Other = append(e.rule.Other, "answers 500: no backend has a weight")
}
