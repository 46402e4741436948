package route

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// finish makes steps of the drafts that differ from what is there, and judges
// them.
func (p *planner) finish() (*Plan, error) {
	plan := &Plan{Intent: p.intent, API: p.api, Before: p.view, After: p.view}
	changed := slices.DeleteFunc(slices.Clone(p.drafts), (*draft).same)
	if len(changed) == 0 {
		plan.Notes = append([]string{"already so: nothing to change"}, p.notes...)
		return plan, nil
	}
	after := withDrafts(p.snapshot, changed)
	v, err := p.look(after)
	if err != nil {
		return nil, err
	}
	plan.After = v
	p.sharedHosts(changed)
	warnings, err := validate(changed)
	if err != nil {
		return nil, err
	}
	plan.Notes = append(p.notes, warnings...)
	for _, d := range changed {
		plan.Steps = append(plan.Steps, Step{Change: d.change(), Phase: d.phase()})
	}
	order := []Phase{Make, Move, Clean}
	slices.SortStableFunc(plan.Steps, func(a, b Step) int { return slices.Index(order, a.Phase) - slices.Index(order, b.Phase) })
	p.expect(plan)
	p.safety(plan, changed)
	return plan, nil
}

// sharedHosts says what else the rules that change are for.
func (p *planner) sharedHosts(changed []*draft) {
	for _, d := range changed {
		if !d.routes() || d.before == nil || d.after == nil {
			continue
		}
		gws := gatewaysOf(d.spec(), d.ref.Namespace)
		if len(gws) > 0 && !slices.Contains(gws, meshGateway) {
			continue
		}
		if others := p.otherHosts(d); others != "" {
			p.note("%s is for %s too, and so is the change", d.ref, others)
		}
	}
}

// same reports whether the draft is what is there, or was never written.
func (d *draft) same() bool {
	if d.before == nil || d.after == nil {
		return d.before == nil && d.after == nil
	}
	return sameValue(d.before.Object, d.after.Object)
}

// routes reports whether rules stand in the object.
func (d *draft) routes() bool {
	return slices.Contains([]mesh.Kind{mesh.VirtualServices, mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes}, d.kind)
}

// phase is when the draft may be written: rules move traffic, versions are made
// before and taken away after that.
func (d *draft) phase() Phase {
	if d.routes() {
		return Move
	}
	if d.after == nil {
		return Clean
	}
	for _, name := range subsetsIn(d.before) {
		if !slices.Contains(subsetsIn(d.after), name) {
			return Clean
		}
	}
	return Make
}

// subsetsIn are the subsets of a DestinationRule; none of nil.
func subsetsIn(u *unstructured.Unstructured) []string {
	if u == nil {
		return nil
	}
	spec, _ := u.Object["spec"].(map[string]any)
	var all []string
	for _, s := range itemsOf(spec, "subsets") {
		all = append(all, text(s, "name"))
	}
	return all
}

// change is the draft as a write: a patch of what differs, made for the version
// of the object that was read, since a snapshot does not hold all of it.
func (d *draft) change() mesh.Change {
	info, _ := mesh.Lookup(d.kind)
	c := mesh.Change{Ref: d.ref, Before: d.before, After: d.after, Why: strings.Join(d.why, "; ")}
	if d.ref.APIVersion == info.Object.GroupVersion().String() {
		c.Resource = info.Resource
	}
	switch {
	case d.after == nil:
		c.Write = mesh.Delete
		if c.Why == "" {
			c.Why = "nothing is left of it"
		}
	case d.before == nil:
		c.Write, c.Object = mesh.Create, d.after
	default:
		c.Write, c.Fields = mesh.Patch, mesh.MergePatch(d.before.Object, d.after.Object)
		meta, _ := c.Fields["metadata"].(map[string]any)
		if version := d.before.GetResourceVersion(); version != "" {
			if meta == nil {
				meta = map[string]any{}
				c.Fields["metadata"] = meta
			}
			meta["resourceVersion"] = version
		}
	}
	return c
}

// withDrafts is the snapshot once the drafts are written.
func withDrafts(s *mesh.Snapshot, drafts []*draft) *mesh.Snapshot {
	n := *s
	n.Config = map[mesh.Kind][]*unstructured.Unstructured{}
	for k, list := range s.Config {
		n.Config[k] = list
	}
	for _, d := range drafts {
		if d.kind == mesh.Services {
			withService(&n, d)
			continue
		}
		list := slices.DeleteFunc(slices.Clone(n.Config[d.kind]), func(u *unstructured.Unstructured) bool {
			return u.GetNamespace() == d.ref.Namespace && u.GetName() == d.ref.Name
		})
		if d.after != nil {
			list = append(list, born(s, d))
		}
		n.Config[d.kind] = list
	}
	return &n
}

// born is the draft as the API server will have it: what is made now is younger
// than all that is there, which decides between objects for one host.
func born(s *mesh.Snapshot, d *draft) *unstructured.Unstructured {
	if d.before != nil {
		return d.after
	}
	u := d.after.DeepCopy()
	if !s.Time.IsZero() {
		u.SetCreationTimestamp(metaTime(s.Time))
	}
	return u
}
