package route

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// planner makes a plan: the action edits drafts, and what differs in them
// becomes steps. What is said of rules holds for both APIs; where they write it
// down in different ways stands in plan_forms.go.
type planner struct {
	snapshot *mesh.Snapshot
	view     *View
	intent   Intent
	api      API
	drafts   []*draft
	notes    []string
	created  []ruleAt   // rules that it adds
	guesses  []Conflict // what speaks against it and no view tells
}

// act does what the intent says, on drafts.
func (p *planner) act() error {
	i := p.intent
	if p.api == Gateway {
		if done, err := p.actGateway(); done {
			return err
		}
	}
	switch {
	case i.Shift != nil:
		return p.shift(*i.Shift)
	case i.Match != nil:
		return p.match(*i.Match)
	case i.Fault != nil:
		return p.fault(*i.Fault)
	case i.Timeout != nil:
		return p.timeout(*i.Timeout)
	case i.Retry != nil:
		return p.retry(*i.Retry)
	case i.Mirror != nil:
		return p.mirror(*i.Mirror)
	case i.Breaker != nil:
		return p.breaker(*i.Breaker)
	case i.TCP != nil:
		return p.tcp(*i.TCP)
	case i.Subset != nil:
		return p.subset(*i.Subset)
	}
	return p.reset(*i.Reset)
}

// note adds a line to what the reader should know.
func (p *planner) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// open is the draft of an object of the snapshot; nil where there is none.
func (p *planner) open(kind mesh.Kind, namespace, name string) *draft {
	for _, d := range p.drafts {
		if d.kind == kind && d.ref.Namespace == namespace && d.ref.Name == name {
			return d
		}
	}
	for _, u := range objectsOf(p.snapshot, kind) {
		if u.GetNamespace() == namespace && u.GetName() == name {
			d := draftOf(kind, u)
			p.drafts = append(p.drafts, d)
			return d
		}
	}
	return nil
}

// create begins an object of this name; suffix keeps it apart from one of that
// name that is about something else.
func (p *planner) create(kind mesh.Kind, name, suffix string, spec map[string]any) *draft {
	ns := p.view.Service.Namespace
	if p.open(kind, ns, name) != nil {
		name += "-" + suffix
	}
	for n := 2; p.open(kind, ns, name) != nil; n++ {
		name = fmt.Sprintf("%s-%s-%d", p.view.Service.Name, suffix, n)
	}
	d := newDraft(kind, ns, name, spec)
	p.drafts = append(p.drafts, d)
	return d
}

// raw is an object of the snapshot as it was read; nil where there is none.
func (p *planner) raw(ref mesh.Ref) *unstructured.Unstructured {
	for _, kind := range []mesh.Kind{mesh.VirtualServices, mesh.DestinationRules, mesh.Gateways, mesh.HTTPRoutes, mesh.GRPCRoutes, mesh.TCPRoutes} {
		if mesh.RefTo(kind, "", "").Kind != ref.Kind || kind == mesh.Gateways && strings.HasPrefix(ref.APIVersion, gatewayGroup) {
			continue
		}
		for _, u := range p.snapshot.Config[kind] {
			if u.GetNamespace() == ref.Namespace && u.GetName() == ref.Name {
				return u
			}
		}
	}
	return nil
}
