package route

import (
	"fmt"
	"strings"

	gateway "sigs.k8s.io/gateway-api/apis/v1"
)

// filter reads what a rule does beside sending requests somewhere.
func (e *entry) filter(f gateway.HTTPRouteFilter, namespace string) {
	say := func(words ...string) { e.rule.Other = append(e.rule.Other, words...) }
	switch {
	case f.RequestMirror != nil:
		e.mirrors(f.RequestMirror, namespace)
	case f.RequestRedirect != nil:
		say("redirects to " + redirectFilter(f.RequestRedirect))
	case f.URLRewrite != nil:
		if p := f.URLRewrite.Path; p != nil {
			say("rewrites the path to " + newPath(p))
		}
		if f.URLRewrite.Hostname != nil {
			say("rewrites the host to " + string(*f.URLRewrite.Hostname))
		}
	case f.RequestHeaderModifier != nil:
		say(headerWords("request", f.RequestHeaderModifier)...)
	case f.ResponseHeaderModifier != nil:
		say(headerWords("response", f.ResponseHeaderModifier)...)
	case f.Type == gateway.HTTPRouteFilterCORS:
		say("answers CORS requests")
	default:
		say(fmt.Sprintf("has filter %s, which Istio does not know: the rule is not taken", f.Type))
	}
}

func newPath(p *gateway.HTTPPathModifier) string {
	switch {
	case p.ReplaceFullPath != nil:
		return *p.ReplaceFullPath
	case p.ReplacePrefixMatch != nil:
		return *p.ReplacePrefixMatch
	}
	return ""
}

func redirectFilter(r *gateway.HTTPRequestRedirectFilter) string {
	target := ""
	if r.Scheme != nil {
		target = *r.Scheme + "://"
	}
	if r.Hostname != nil {
		target += string(*r.Hostname)
	}
	if r.Port != nil {
		target += fmt.Sprintf(":%d", *r.Port)
	}
	if r.Path != nil {
		target += newPath(r.Path)
	}
	if r.StatusCode != nil {
		target += fmt.Sprintf(" (%d)", *r.StatusCode)
	}
	return target
}

// headerWords names the headers that are changed.
func headerWords(of string, f *gateway.HTTPHeaderFilter) []string {
	if f == nil {
		return nil
	}
	var all []string
	for _, h := range f.Set {
		all = append(all, fmt.Sprintf("sets %s header %s", of, h.Name))
	}
	for _, h := range f.Add {
		all = append(all, fmt.Sprintf("adds %s header %s", of, h.Name))
	}
	for _, h := range f.Remove {
		all = append(all, fmt.Sprintf("removes %s header %s", of, h))
	}
	return all
}

// mirrors reads a mirror: all requests unless it says a part of them.
func (e *entry) mirrors(f *gateway.HTTPRequestMirrorFilter, namespace string) {
	percent := 100.0
	switch {
	case f.Percent != nil:
		percent = float64(*f.Percent)
	case f.Fraction != nil:
		denominator := 100.0
		if f.Fraction.Denominator != nil {
			denominator = float64(*f.Fraction.Denominator)
		}
		percent = 100 * float64(f.Fraction.Numerator) / denominator
	}
	if percent <= 0 {
		return
	}
	d := Destination{Host: backendHost(f.BackendRef, namespace), Weight: -1, Ready: -1, Pods: -1}
	if f.BackendRef.Port != nil {
		d.Port = int32(*f.BackendRef.Port)
	}
	e.rule.Mirrors = append(e.rule.Mirrors, Mirror{To: d, Percent: percent})
}

// timeouts reads how long a request may take and how often it is tried again.
// Without retries the timeout of a try stands for that of the request
// (istio.io/istio 1.29.1, pilot/pkg/config/kube/gateway/conversion.go:
// convertHTTPRoute).
func (e *entry) timeouts(r gateway.HTTPRouteRule) {
	set := func(d *gateway.Duration) string {
		if d == nil || strings.Trim(string(*d), "0.smh") == "" {
			return ""
		}
		return string(*d)
	}
	try := ""
	if r.Timeouts != nil {
		e.rule.Timeout = set(r.Timeouts.Request)
		try = set(r.Timeouts.BackendRequest)
	}
	if r.Retry == nil {
		if try != "" {
			e.rule.Timeout = try
		}
		return
	}
	attempts := 2
	if r.Retry.Attempts != nil {
		attempts = *r.Retry.Attempts
	}
	if attempts == 0 {
		e.rule.Retry = "never"
		return
	}
	words := []string{plural(attempts, "attempt")}
	if try != "" {
		words = append(words, try+" each")
	}
	on := []string{"connect-failure", "refused-stream", "unavailable", "cancelled"}
	for _, c := range r.Retry.Codes {
		on = append(on, fmt.Sprint(c))
	}
	words = append(words, "on "+strings.Join(on, ","))
	if r.Retry.Backoff != nil {
		words = append(words, "backing off from "+string(*r.Retry.Backoff))
	}
	e.rule.Retry = strings.Join(words, ", ")
}
