package route

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// crowded is how many times its share of the ready endpoints a version may get
// of the requests without a word: less is the rounding of few endpoints.
const crowded = 1.5

// endpoints looks at who shall answer the requests.
func (v *verdict) endpoints() {
	for _, r := range v.rules {
		for _, to := range r.rule.To {
			v.destination(r, to)
		}
		for _, m := range r.rule.Mirrors {
			if m.To.Ready == 0 {
				v.add("subset-without-endpoints", diagnose.Warning, r.draft.ref, r.rule.Field, "%s has no ready endpoints: the copies that %s makes are lost", called(m.To), r.name())
			}
		}
	}
	for _, d := range v.changed {
		if d.kind == mesh.Services && d.before == nil {
			for _, o := range v.plan.After.Versions {
				if o.From == d.ref && o.Ready == 0 {
					v.add("subset-without-endpoints", diagnose.Info, d.ref, "", "version %s has no ready endpoints yet (%s)", o.Name, selectorWords(o.Labels))
				}
			}
		}
		if d.kind != mesh.DestinationRules || d.after == nil {
			continue
		}
		for _, name := range subsetsIn(d.after) {
			version := slices.IndexFunc(v.plan.After.Versions, func(o Version) bool { return o.Name == name })
			if slices.Contains(subsetsIn(d.before), name) || version < 0 || v.plan.After.Versions[version].Ready != 0 {
				continue
			}
			v.add("subset-without-endpoints", diagnose.Info, d.ref, "", "version %s has no ready endpoints yet (%s)", name, selectorWords(v.plan.After.Versions[version].Labels))
		}
	}
}

func called(d Destination) string {
	if d.Version == "" {
		return "host " + d.Host
	}
	return "version " + d.Version
}

// destination judges what one destination gets.
func (v *verdict) destination(r ruleAfter, to Destination) {
	was := 0.0
	if r.old != nil {
		for _, d := range r.old.To {
			if d.Host == to.Host && d.Version == to.Version {
				was += d.Share
			}
		}
	}
	switch {
	case to.Share == 0:
	case to.Missing:
		v.add("subset-missing", diagnose.Error, r.draft.ref, r.rule.Field, "%s of %s is not there: %s of its requests would fail with 503", called(to), r.name(), Percent(to.Share))
	case to.Ready == 0 && to.Share == 100:
		v.add("subset-without-endpoints", diagnose.Error, r.draft.ref, r.rule.Field, "%s has no ready endpoints: all requests of %s would fail with 503", called(to), r.name())
	case to.Ready == 0:
		v.add("subset-without-endpoints", diagnose.Warning, r.draft.ref, r.rule.Field, "%s has no ready endpoints: %s of the requests of %s would fail with 503", called(to), Percent(to.Share), r.name())
	case to.Version != "" && to.Ready > 0 && v.ours(to) && to.Share > was && r.rule.CatchAll():
		have := 100 * float64(to.Ready) / float64(max(v.view.Ready, 1))
		if to.Share > crowded*have {
			v.add("share-above-ready-share", diagnose.Warning, r.draft.ref, r.rule.Field, "%s would get %s of the requests of %s, with %d of %s (%.0f%%)",
				called(to), Percent(to.Share), r.name(), to.Ready, plural(v.view.Ready, "ready endpoint"), have)
		}
	}
}
