package route

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// actGateway does what Gateway API says in another way than Istio; done is
// false for the rest.
func (p *planner) actGateway() (done bool, err error) {
	i := p.intent
	switch {
	case i.Match != nil && (i.Match.First || i.Match.Before != ""):
		return true, &RefusedError{
			Why:     "Gateway API ranks rules by how narrow their matches are (path, method, number of headers and query parameters), and not by their place",
			Instead: "leave --first and --before away, and add conditions to the rule that shall be tried first",
		}
	case i.Fault != nil && i.Fault.Clear:
		p.note("routes of Gateway API have no faults")
		return true, nil
	case i.Fault != nil:
		return true, &RefusedError{
			Why:     "Gateway API has no faults",
			Instead: "use --api istio for a service that no route of Gateway API governs, or route a part of the requests to a version that fails on purpose",
		}
	case i.Timeout != nil:
		return true, p.gatewayTimeout(*i.Timeout)
	case i.Retry != nil:
		return true, p.gatewayRetry(*i.Retry)
	case i.Mirror != nil:
		return true, p.gatewayMirror(*i.Mirror)
	case i.Breaker != nil:
		return true, p.gatewayBreaker(*i.Breaker)
	case i.TCP != nil:
		return true, p.gatewayTCP(*i.TCP)
	case i.Subset != nil:
		return true, p.subsetService(*i.Subset)
	case i.Reset != nil:
		return true, p.gatewayReset(*i.Reset)
	}
	return false, nil
}

// noGRPC refuses what a GRPCRoute cannot say.
func (p *planner) noGRPC(r ruleAt, what string) error {
	if r.draft.kind != mesh.GRPCRoutes {
		return nil
	}
	return &RefusedError{
		Why:     fmt.Sprintf("%s is a GRPCRoute, which has no %s", r.draft.ref, what),
		Instead: "write an HTTPRoute in its place, which holds for gRPC as well",
	}
}

// gatewayTimeout bounds how long a request may take. Without retries Istio
// takes a rule's backendRequest for the timeout of the request (istio.io/istio
// 1.29.1, pilot/pkg/config/kube/gateway/conversion.go: convertHTTPRoute), so it
// goes.
func (p *planner) gatewayTimeout(t Timeout) error {
	if !t.Clear && t.After < time.Millisecond {
		return fmt.Errorf("a timeout of %s: it must be at least 1ms (--clear for none)", t.After)
	}
	return p.each("a timeout", !t.Clear, func(r ruleAt) (string, error) {
		if err := p.noGRPC(r, "timeouts"); err != nil {
			if t.Clear {
				return "", nil
			}
			return "", err
		}
		timeouts, _ := r.raw["timeouts"].(map[string]any)
		old := timeouts["request"]
		stands := timeouts["backendRequest"] != nil && r.raw["retry"] == nil
		switch {
		case t.Clear && old == nil && !stands, !t.Clear && !stands && sameDuration(old, t.After):
			return "", nil
		case t.Clear:
			if stands {
				old = timeouts["backendRequest"]
				prune(r.raw, "timeouts", "backendRequest")
			}
			prune(r.raw, "timeouts", "request")
			return fmt.Sprintf("no timeout any more (was %v)", old), nil
		}
		words := "timeout " + gatewayDuration(t.After)
		if old != nil {
			words = fmt.Sprintf("timeout %v → %s", old, gatewayDuration(t.After))
		}
		if stands {
			words += fmt.Sprintf(", in the place of backendRequest %v", timeouts["backendRequest"])
			prune(r.raw, "timeouts", "backendRequest")
		}
		child(r.raw, "timeouts")["request"] = gatewayDuration(t.After)
		return words, nil
	})
}

// gatewayDuration writes a duration as Gateway API does: of whole hours,
// minutes, seconds and milliseconds (GEP-2257).
func gatewayDuration(d time.Duration) string {
	text := ""
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / unit.of; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + unit.name
			d -= n * unit.of
		}
	}
	return text
}

// gatewayRetry says how failed requests are tried again.
func (p *planner) gatewayRetry(t Retry) error {
	if err := t.wrong(); err != nil {
		return err
	}
	codes, err := retryCodes(t.On)
	if err != nil {
		return err
	}
	return p.each("a retry", !t.Clear, func(r ruleAt) (string, error) {
		old, _ := r.raw["retry"].(map[string]any)
		if t.Clear && old == nil {
			return "", nil
		}
		if err := p.noGRPC(r, "retries"); err != nil {
			return "", err
		}
		before := deepCopy(r.raw)
		prune(r.raw, "timeouts", "backendRequest") // of a try, which without retries would be of the request
		if t.Clear {
			delete(r.raw, "retry")
			return "retries as the mesh does by default", nil
		}
		want := map[string]any{"attempts": int64(t.Attempts)}
		words := t.words()
		if t.Off {
			words = "no retries"
		} else {
			if backoff := old["backoff"]; backoff != nil {
				want["backoff"] = backoff
			}
			if codes != nil {
				want["codes"] = codes
			}
			if t.PerTry > 0 {
				child(r.raw, "timeouts")["backendRequest"] = gatewayDuration(t.PerTry)
			}
		}
		r.raw["retry"] = want
		if sameValue(before, r.raw) {
			return "", nil
		}
		return words, nil
	})
}

// retryCodes are the HTTP statuses among Envoy's conditions. Of the others
// Gateway API retries always on those that Istio adds
// (pilot/pkg/config/kube/gateway/conversion.go: convertHTTPRoute), and on none
// else.
func retryCodes(on string) ([]any, error) {
	if on == "" {
		return nil, nil
	}
	implied := []string{"connect-failure", "refused-stream", "unavailable", "cancelled"}
	var codes []any
	for _, c := range strings.Split(on, ",") {
		c = strings.TrimSpace(c)
		if slices.Contains(implied, c) {
			implied = slices.DeleteFunc(implied, func(o string) bool { return o == c })
			continue
		}
		n, err := strconv.ParseInt(c, 10, 32)
		if err != nil || n < 400 || n > 599 {
			return nil, &RefusedError{
				Why:     fmt.Sprintf("Gateway API cannot retry on %q", c),
				Instead: "name HTTP statuses, for example --on 502,503,504: connect-failure, refused-stream, unavailable and cancelled are always among them",
			}
		}
		codes = append(codes, n)
	}
	return codes, nil
}

// gatewayMirror copies requests to a version.
func (p *planner) gatewayMirror(m SetMirror) error {
	if m.Clear {
		return p.each("a mirror", false, func(r ruleAt) (string, error) {
			if len(mirrorsIn(r.raw)) == 0 {
				return "", nil
			}
			dropFilter(r.raw, "RequestMirror")
			return "no copies any more", nil
		})
	}
	if err := p.canMirror(m); err != nil {
		return err
	}
	part, err := exactPercent(Share{Version: m.To, Percent: m.Percent})
	if err != nil {
		return err
	}
	return p.each("a mirror", true, func(r ruleAt) (string, error) {
		mirror := map[string]any{"backendRef": p.backend(r, m.To)}
		putPart(mirror, part)
		var filters []map[string]any
		for _, f := range itemsOf(r.raw, "filters") {
			old, _ := f["requestMirror"].(map[string]any)
			to, _ := old["backendRef"].(map[string]any)
			if _, ours := p.versionAt(backendAt(to, r.draft.ref.Namespace)); to != nil && ours {
				continue
			}
			filters = append(filters, f)
		}
		filters = append(filters, map[string]any{"type": "RequestMirror", "requestMirror": mirror})
		if p.mirrors(r, m) {
			return "", nil
		}
		setItems(r.raw, "filters", filters)
		return fmt.Sprintf("copies %s%% of the requests to %s", number(m.Percent), m.To), nil
	})
}

// mirrors reports whether the rule's only copies for the service are these.
func (p *planner) mirrors(r ruleAt, m SetMirror) bool {
	found := 0
	for _, have := range r.view.Mirrors {
		version, ours := p.versionAt(have.To.Host)
		switch {
		case !ours:
		case version != m.To || have.Percent != m.Percent:
			return false
		default:
			found++
		}
	}
	return found == 1
}

// putPart writes a part of the requests: whole percents as such, all of them as
// nothing, and what is finer as a fraction.
func putPart(mirror map[string]any, part *big.Rat) {
	percent := new(big.Rat).Mul(part, big.NewRat(100, 1))
	switch {
	case part.Cmp(big.NewRat(1, 1)) == 0:
	case percent.IsInt():
		mirror["percent"] = percent.Num().Int64()
	default:
		mirror["fraction"] = map[string]any{"numerator": part.Num().Int64(), "denominator": part.Denom().Int64()}
	}
}
