package route

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// action is what a rule does beside sending requests on, as proxies say it.
func (p *planner) action(raw map[string]any, namespace string, listener int32) *ExpectAction {
	a := &ExpectAction{Timeout: durationOf(raw["timeout"]), Attempts: -1}
	if retries, ok := raw["retries"].(map[string]any); ok {
		a.Attempts = int(whole(retries["attempts"]))
	}
	if f := faultOf(typedFault(raw["fault"]), raw); f != nil {
		if f.Delay != "" {
			a.Delay, a.DelayPercent = durationOf(f.Delay), f.DelayPercent
		}
		if f.Abort != "" {
			a.Abort, a.AbortPercent = f.Abort, f.AbortPercent
			if code, ok := strings.CutPrefix(f.Abort, "grpc:"); ok {
				a.Abort = "grpc:" + strconv.Itoa(slices.Index(grpcCodes(), code)+1)
			}
		}
	}
	mirror := func(d any, percent float64) {
		to, _ := d.(map[string]any)
		if to == nil || percent <= 0 {
			return
		}
		if a.Mirrors == nil {
			a.Mirrors = map[string]float64{}
		}
		a.Mirrors[p.clusterOf(to, namespace, listener)] = percent
	}
	mirror(raw["mirror"], mirrorPercent(raw["mirrorPercentage"], raw["mirrorPercent"]))
	for _, m := range itemsOf(raw, "mirrors") {
		mirror(m["destination"], mirrorPercent(m["percentage"], nil))
	}
	return a
}

// mirrorPercent is the share of requests that are copied; all where none is
// given.
func mirrorPercent(share, old any) float64 {
	if s, ok := share.(map[string]any); ok {
		return floatOf(s["value"])
	}
	if old != nil {
		return floatOf(old)
	}
	return 100
}

func durationOf(v any) time.Duration {
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d
}
