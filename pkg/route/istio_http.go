package route

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// each edits the rules meant, and says why where that changed them. Without
// add, no rule is made for it.
func (p *planner) each(what string, add bool, edit func(r ruleAt) (words string, err error)) error {
	if err := p.onlyHTTP(what); err != nil {
		return err
	}
	rules, err := p.pick(add)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if add && r.raw[p.toField()] == nil {
			return fmt.Errorf("%s of %s %s: %s has no effect on it", r.name(), r.draft.ref, instead(r.raw), what)
		}
		words, err := edit(r)
		if err != nil {
			return err
		}
		if words != "" {
			r.draft.because("%s: %s", r.name(), words)
		}
		if !add {
			p.tidy(r.draft)
		}
	}
	return nil
}

// timeout bounds how long a request may take.
func (p *planner) timeout(t Timeout) error {
	if !t.Clear && t.After < time.Millisecond {
		return fmt.Errorf("a timeout of %s: it must be at least 1ms (--clear for none)", t.After)
	}
	return p.each("a timeout", !t.Clear, func(r ruleAt) (string, error) {
		old := r.raw["timeout"]
		switch {
		case t.Clear && old == nil, !t.Clear && sameDuration(old, t.After):
			return "", nil
		case t.Clear:
			delete(r.raw, "timeout")
			return fmt.Sprintf("no timeout any more (was %v)", old), nil
		}
		r.raw["timeout"] = seconds(t.After)
		if old == nil {
			return "timeout " + seconds(t.After), nil
		}
		return fmt.Sprintf("timeout %v → %s", old, seconds(t.After)), nil
	})
}

// wrong says why retries cannot be as asked, in either API.
func (t Retry) wrong() error {
	switch {
	case t.Off && t.Clear:
		return errors.New("--off never retries, --clear does as the mesh does: choose one")
	case !t.Off && !t.Clear && t.Attempts < 1:
		return fmt.Errorf("%d attempts: it must be at least 1 (--off for none)", t.Attempts)
	case t.PerTry != 0 && t.PerTry < time.Millisecond:
		return fmt.Errorf("%s for each try: it must be at least 1ms", t.PerTry)
	}
	return nil
}

// retry says how failed requests are tried again. What it does not speak of
// (backoff, localities) stays.
func (p *planner) retry(t Retry) error {
	if err := t.wrong(); err != nil {
		return err
	}
	want := map[string]any{"attempts": int64(0)}
	return p.each("a retry", !t.Clear, func(r ruleAt) (string, error) {
		old, _ := r.raw["retries"].(map[string]any)
		if t.Clear {
			if old == nil {
				return "", nil
			}
			delete(r.raw, "retries")
			return "retries as the mesh does by default", nil
		}
		words := "no retries"
		if !t.Off {
			want = t.over(old)
			words = t.words()
		}
		if old != nil && sameValue(old, want) {
			return "", nil
		}
		r.raw["retries"] = want
		return words, nil
	})
}

// over is a retry in the place of another.
func (t Retry) over(old map[string]any) map[string]any {
	want := map[string]any{}
	if old != nil {
		want = deepCopy(old).(map[string]any)
	}
	want["attempts"] = int64(t.Attempts)
	switch {
	case t.PerTry == 0:
		delete(want, "perTryTimeout")
	case !sameDuration(want["perTryTimeout"], t.PerTry):
		want["perTryTimeout"] = seconds(t.PerTry)
	}
	delete(want, "retryOn")
	if t.On != "" {
		want["retryOn"] = t.On
	}
	return want
}

func (t Retry) words() string {
	words := plural(t.Attempts, "retry")
	if t.Attempts != 1 {
		words = fmt.Sprintf("%d retries", t.Attempts)
	}
	if t.PerTry != 0 {
		words += ", " + seconds(t.PerTry) + " for each try"
	}
	if t.On != "" {
		words += ", on " + t.On
	}
	return words
}

// canMirror says why requests cannot be copied as asked, in either API.
func (p *planner) canMirror(m SetMirror) error {
	if m.Percent <= 0 || m.Percent > 100 {
		return fmt.Errorf("%s%% of the requests: the share must be above 0 and at most 100 (--clear for none)", number(m.Percent))
	}
	if m.To == "" {
		return errors.New("no version is given to copy requests to: --to VERSION")
	}
	return p.mustVersion(m.To)
}

// mirror copies requests to a version.
func (p *planner) mirror(m SetMirror) error {
	if m.Clear {
		return p.each("a mirror", false, func(r ruleAt) (string, error) {
			if r.raw["mirror"] == nil && r.raw["mirrors"] == nil {
				return "", nil
			}
			clearMirror(r.raw)
			delete(r.raw, "mirrors")
			return "no copies any more", nil
		})
	}
	if err := p.canMirror(m); err != nil {
		return err
	}
	return p.each("a mirror", true, func(r ruleAt) (string, error) {
		if p.mirrored(r, m) {
			return "", nil
		}
		p.mirrorRule(r, m)
		return fmt.Sprintf("copies %s%% of the requests to %s", number(m.Percent), m.To), nil
	})
}

// mirrored reports whether the rule's only copies for the service are these.
func (p *planner) mirrored(r ruleAt, m SetMirror) bool {
	found := 0
	for _, have := range p.mirrorsOf(r) {
		if have.host != p.view.Host {
			continue
		}
		if have.version != m.To || have.percent != m.Percent {
			return false
		}
		found++
	}
	return found == 1
}

// mirrorOf is one copy that a rule makes.
type mirrorOf struct {
	host, version string
	percent       float64
}

func (p *planner) mirrorsOf(r ruleAt) []mirrorOf {
	var all []mirrorOf
	note := func(to map[string]any, share any) {
		percent := 100.0
		if s, ok := share.(map[string]any); ok {
			percent = floatOf(s["value"])
		}
		all = append(all, mirrorOf{host: resolve(text(to, "host"), r.draft.ref.Namespace), version: text(to, "subset"), percent: percent})
	}
	if to, ok := r.raw["mirror"].(map[string]any); ok && r.raw["mirrorPercent"] == nil {
		note(to, r.raw["mirrorPercentage"])
	}
	for _, item := range itemsOf(r.raw, "mirrors") {
		to, _ := item["destination"].(map[string]any)
		note(to, item["percentage"])
	}
	return all
}

// mirrorRule writes the copy. A rule has one mirror or a list of them, and not
// both: copies that go to another service stay, in the list.
func (p *planner) mirrorRule(r ruleAt, m SetMirror) {
	to := p.destination(r, m.To)["destination"]
	share := map[string]any{"value": jsonNumber(m.Percent)}
	items := slices.DeleteFunc(itemsOf(r.raw, "mirrors"), func(item map[string]any) bool {
		d, _ := item["destination"].(map[string]any)
		return resolve(text(d, "host"), r.draft.ref.Namespace) == p.view.Host
	})
	if old, ok := r.raw["mirror"].(map[string]any); ok && resolve(text(old, "host"), r.draft.ref.Namespace) != p.view.Host {
		item := map[string]any{"destination": old}
		if s, ok := r.raw["mirrorPercentage"]; ok {
			item["percentage"] = s
		} else if n, ok := r.raw["mirrorPercent"]; ok {
			item["percentage"] = map[string]any{"value": n}
		}
		items = append(items, item)
	}
	hadList := r.raw["mirrors"] != nil
	clearMirror(r.raw)
	delete(r.raw, "mirrors")
	if len(items) > 0 || hadList {
		setItems(r.raw, "mirrors", append(items, map[string]any{"destination": to, "percentage": share}))
		return
	}
	r.raw["mirror"], r.raw["mirrorPercentage"] = to, share
}

// clearMirror takes the single mirror away, in all spellings of its share.
func clearMirror(raw map[string]any) {
	for _, k := range []string{"mirror", "mirrorPercentage", "mirrorPercent", "mirror_percent"} {
		delete(raw, k)
	}
}

// floatOf reads a number as objects hold it.
func floatOf(v any) float64 {
	var f float64
	if unmarshal(v, &f) != nil {
		return 0
	}
	return f
}
