package route

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	networking "istio.io/api/networking/v1alpha3"
)

// fault delays or aborts requests on purpose, or no more.
func (p *planner) fault(f SetFault) error {
	if err := p.onlyHTTP("a fault"); err != nil {
		return err
	}
	conditions, err := p.conditions(f.Conditions)
	if err != nil {
		return err
	}
	if len(conditions) > 0 && p.intent.Rule != "" {
		return errors.New("a fault is for a rule (--rule) or for conditions, not for both")
	}
	if f.Clear {
		return p.clearFaults(conditions)
	}
	want, err := f.object()
	if err != nil {
		return err
	}
	rules, err := p.faultRules(conditions)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if r.raw["redirect"] != nil || r.raw["directResponse"] != nil || r.raw["delegate"] != nil {
			return fmt.Errorf("%s of %s %s: a fault has no effect on it", r.name(), r.draft.ref, instead(r.raw))
		}
		if !sameFault(r.raw["fault"], want) {
			r.raw["fault"] = want
			r.draft.because("%s: %s", r.name(), f.words())
		}
		p.review(r.draft, f.Review)
	}
	return nil
}

// faultRules are the rules that get the fault: those meant, or one for the
// conditions, which sends its requests where they go today.
func (p *planner) faultRules(conditions []Condition) ([]ruleAt, error) {
	if len(conditions) == 0 {
		return p.pick(true)
	}
	targets, err := p.targets()
	if err != nil {
		return nil, err
	}
	var all []ruleAt
	for _, t := range targets {
		rules, err := p.rulesWithEnd(t)
		if err != nil {
			return nil, err
		}
		w, err := p.wants(t, rules, conditions)
		if err != nil {
			return nil, err
		}
		r, found := findRule(rules, "", w)
		if found {
		} else {
			for _, before := range rules {
				if w.taken != nil && sameMap(before.raw, w.taken.raw) {
					break
				}
				p.note("requests that %s takes first get no fault", before.name())
			}
			if r, err = p.newRule(t, rules, "", w, place{}); err != nil {
				return nil, err
			}
			if r.raw["route"] == nil {
				return nil, fmt.Errorf("no rule of %s sends requests with %s to service %s", t.scope, Match{conditions}, p.view.Service.Name)
			}
			r.draft.because("%s is made for requests with %s, which go where they went before", r.name(), Match{conditions})
		}
		all = append(all, r)
	}
	return all, nil
}

// object writes the fault as spec.http[].fault.
func (f SetFault) object() (map[string]any, error) {
	if f.Delay == 0 && f.Abort == "" {
		return nil, errors.New("no fault is given: --delay DURATION or --abort STATUS")
	}
	if f.Percent <= 0 || f.Percent > 100 {
		return nil, fmt.Errorf("%s%% of the requests: the share must be above 0 and at most 100", number(f.Percent))
	}
	of := func() map[string]any { return map[string]any{"value": jsonNumber(f.Percent)} }
	want := map[string]any{}
	if f.Delay != 0 {
		if f.Delay < time.Millisecond {
			return nil, fmt.Errorf("a delay of %s: it must be at least 1ms", f.Delay)
		}
		want["delay"] = map[string]any{"percentage": of(), "fixedDelay": seconds(f.Delay)}
	}
	if f.Abort == "" {
		return want, nil
	}
	abort := map[string]any{"percentage": of()}
	if code, grpc := strings.CutPrefix(f.Abort, "grpc:"); grpc {
		if !slices.Contains(grpcCodes(), code) {
			return nil, fmt.Errorf("%q is no gRPC status: use a name like UNAVAILABLE", code)
		}
		abort["grpcStatus"] = code
	} else {
		status, err := strconv.ParseInt(f.Abort, 10, 32)
		if err != nil || status < 200 || status > 600 {
			return nil, fmt.Errorf("%q is no HTTP status to abort with: use 200 to 600, or grpc:NAME", f.Abort)
		}
		abort["httpStatus"] = status
	}
	want["abort"] = abort
	return want, nil
}

func (f SetFault) words() string {
	var all []string
	if f.Delay != 0 {
		all = append(all, "delays "+number(f.Percent)+"% of the requests by "+seconds(f.Delay))
	}
	if f.Abort != "" {
		all = append(all, "aborts "+number(f.Percent)+"% of them with "+f.Abort)
	}
	return strings.Replace(strings.Join(all, " and "), "of them", "of the requests", max(0, 2-len(all)))
}

// grpcCodes are the names of gRPC's status codes, from 1 on
// (google.golang.org/grpc/codes).
func grpcCodes() []string {
	return []string{
		"CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
		"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
}

// typedFault reads spec.http[].fault; nil where there is none.
func typedFault(raw any) *networking.HTTPFaultInjection {
	f := &networking.HTTPFaultInjection{}
	if raw == nil || unmarshal(raw, f) != nil {
		return nil
	}
	return f
}

// sameFault compares what faults mean, so that 7s is 7.0s.
func sameFault(a any, b map[string]any) bool {
	return sameMeaning(a, b, &networking.HTTPFaultInjection{}, &networking.HTTPFaultInjection{})
}

// review writes down when to look at the faults of an object again. An object
// has one such time for all of its faults: the earliest.
func (p *planner) review(d *draft, when time.Time) {
	old := d.after.GetAnnotations()[FaultReview]
	faults := slices.DeleteFunc(d.items("http"), func(m map[string]any) bool { return m["fault"] == nil })
	if len(faults) > 1 && old != "" {
		before, err := time.Parse(time.RFC3339, old)
		if err == nil && (when.IsZero() || before.Before(when)) {
			p.note("%s has other faults that are to be looked at again at %s, and one such time for all", d.ref, old)
			return
		}
	}
	if when.IsZero() {
		d.annotate(FaultReview, "")
		return
	}
	text := when.UTC().Format(time.RFC3339)
	if old != text {
		d.because("notes that somebody wants to look at it again at %s", text)
	}
	d.annotate(FaultReview, text)
	p.note("a fault that is still there at %s is overdue: route list, the doctor and route reset --expired go by that time", text)
}
