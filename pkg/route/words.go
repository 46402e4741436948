package route

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
)

// retryWords says how often a request is tried again; empty for the mesh's
// default.
func retryWords(r *networking.HTTPRetry, raw map[string]any) string {
	if r == nil {
		return ""
	}
	if r.Attempts == 0 {
		return "never"
	}
	raw = rawMap(raw, "retries")
	words := []string{plural(int(r.Attempts), "attempt")}
	if per := rawText(raw, "perTryTimeout"); per != "" {
		words = append(words, per+" each")
	}
	if r.RetryOn != "" {
		words = append(words, "on "+r.RetryOn)
	}
	if wait := rawText(raw, "backoff"); wait != "" {
		words = append(words, "backing off from "+wait)
	}
	return strings.Join(words, ", ")
}

// faultOf reads a fault; one without a percentage hits nobody (istio.io/istio
// 1.29.1, pilot/pkg/networking/core/route/route.go: TranslateFault).
func faultOf(f *networking.HTTPFaultInjection, raw map[string]any) *Fault {
	if f == nil {
		return nil
	}
	got := &Fault{}
	if d := f.Delay; d != nil {
		got.Delay = rawText(rawMap(raw, "fault", "delay"), "fixedDelay")
		//lint:ignore SA1019 old objects have it
		got.DelayPercent = float64(d.Percent)
		if d.Percentage != nil {
			got.DelayPercent = d.Percentage.Value
		}
	}
	if a := f.Abort; a != nil {
		switch t := a.ErrorType.(type) {
		case *networking.HTTPFaultInjection_Abort_HttpStatus:
			got.Abort = fmt.Sprint(t.HttpStatus)
		case *networking.HTTPFaultInjection_Abort_GrpcStatus:
			got.Abort = "grpc:" + t.GrpcStatus
		}
		got.AbortPercent = a.Percentage.GetValue()
	}
	if got.Delay == "" && got.Abort == "" {
		return nil
	}
	return got
}

// String is a fault in words: "delays 100% by 7s".
func (f *Fault) String() string {
	var words []string
	if f.Delay != "" {
		words = append(words, fmt.Sprintf("delays %s by %s", Percent(f.DelayPercent), f.Delay))
	}
	if f.Abort != "" {
		words = append(words, fmt.Sprintf("aborts %s with %s", Percent(f.AbortPercent), f.Abort))
	}
	return strings.Join(words, ", ")
}

// otherWords says what a rule does beside sending requests somewhere.
func otherWords(r *networking.HTTPRoute) []string {
	var all []string
	if d := r.Redirect; d != nil {
		all = append(all, "redirects to "+redirectTarget(d))
	}
	if d := r.DirectResponse; d != nil {
		all = append(all, fmt.Sprintf("answers %d itself", d.Status))
	}
	if w := r.Rewrite; w != nil {
		switch {
		case w.UriRegexRewrite != nil:
			all = append(all, fmt.Sprintf("rewrites the path by %s to %s", w.UriRegexRewrite.Match, w.UriRegexRewrite.Rewrite))
		case w.Uri != "":
			all = append(all, "rewrites the path to "+w.Uri)
		}
		if w.Authority != "" {
			all = append(all, "rewrites the host to "+w.Authority)
		}
	}
	headers := func(of string, o *networking.Headers_HeaderOperations) {
		for _, key := range slices.Sorted(maps.Keys(o.GetSet())) {
			all = append(all, fmt.Sprintf("sets %s header %s", of, key))
		}
		for _, key := range slices.Sorted(maps.Keys(o.GetAdd())) {
			all = append(all, fmt.Sprintf("adds %s header %s", of, key))
		}
		for _, key := range o.GetRemove() {
			all = append(all, fmt.Sprintf("removes %s header %s", of, key))
		}
	}
	headers("request", r.Headers.GetRequest())
	headers("response", r.Headers.GetResponse())
	if r.CorsPolicy != nil {
		all = append(all, "answers CORS requests")
	}
	return all
}

func redirectTarget(d *networking.HTTPRedirect) string {
	target := ""
	if d.Scheme != "" {
		target = d.Scheme + "://"
	}
	target += d.Authority
	if p := d.GetPort(); p != 0 {
		target += fmt.Sprintf(":%d", p)
	}
	target += d.Uri
	if d.RedirectCode != 0 {
		target += fmt.Sprintf(" (%d)", d.RedirectCode)
	}
	return target
}

// String is a condition as an expression: "header end-user = jason".
func (c Condition) String() string {
	subject := c.What
	switch c.What {
	case "other":
		return c.Value
	case "without-header":
		subject = "no header"
	case "source-label":
		subject = "client label"
	case "source-namespace":
		subject = "client namespace"
	case "sni":
		subject = "SNI"
	}
	if c.Key != "" {
		subject += " " + c.Key
	}
	switch c.How {
	case "prefix":
		return subject + " " + c.Value + "*"
	case "regex":
		return subject + " ~ " + c.Value
	case "present":
		return subject
	}
	return subject + " = " + c.Value
}

// String is a match in words; "*" for every request.
func (m Match) String() string {
	if len(m.Conditions) == 0 {
		return "*"
	}
	var words []string
	for _, c := range m.Conditions {
		words = append(words, c.String())
	}
	return strings.Join(words, ", ")
}

// Percent is a share with up to four decimals: "33.3333%".
func Percent(p float64) string {
	text := strconv.FormatFloat(p, 'f', 4, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
