package route

import (
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Findings is what is wrong with how the services of some namespaces are
// routed, whatever anybody intends: the issues of their views, and of conflicts
// those that nobody can have wanted. What is wrong with an object that is about
// several services stands there once. unsure says why there may be more, each
// in one sentence.
func Findings(s *mesh.Snapshot, in func(namespace string) bool, now time.Time) (all []diagnose.Finding, unsure []string) {
	seen := map[string]bool{}
	add := func(f diagnose.Finding) {
		key := f.Check + "\n" + f.Object.String() + "\n" + f.Field
		if !seen[key] {
			seen[key] = true
			all = append(all, f)
		}
	}
	index := newIndex(s)
	// What stands in a service's view knows the better fix, and so comes first.
	for _, svc := range s.Services {
		if !in(svc.Namespace) {
			continue
		}
		v := index.view(svc, None)
		for _, why := range v.Unknown {
			if !slices.Contains(unsure, why) {
				unsure = append(unsure, why)
			}
		}
		for _, f := range Issues(v, now) {
			add(f)
		}
		for _, c := range v.Conflicts {
			if f, ok := c.finding(); ok {
				for _, ref := range c.Objects {
					f.Evidence = append(f.Evidence, index.born(ref))
				}
				add(f)
			}
		}
		if v.API != None && len(v.Tables) > 0 && v.Tables[0].Scope == meshScope && withoutWaypoint(s, svc) {
			add(diagnose.Finding{
				Check: "ambient-without-waypoint", Severity: diagnose.Warning, Object: v.Tables[0].From,
				Evidence: []string{"Namespace " + svc.Namespace + ": label " + mesh.AmbientLabel + "=ambient, no label " + waypointLabel},
				Message:  v.Tables[0].From.String() + " has no effect: Service " + svc.Namespace + "/" + svc.Name + " is in ambient mode without a waypoint, and nothing else there reads rules for HTTP",
				Fix:      []diagnose.Step{{Run: "istioctl waypoint apply -n " + svc.Namespace + " --enroll-namespace", Kind: diagnose.StepOther}},
			})
		}
	}
	for _, f := range index.strays(in) {
		add(f)
	}
	return all, unsure
}

// finding is a conflict as something wrong; ok is false for one that tells of a
// choice: who may see an object, or what clients are told of.
func (c Conflict) finding() (f diagnose.Finding, ok bool) {
	f = diagnose.Finding{Check: c.Check, Severity: diagnose.Warning, Message: c.Message, Object: c.Objects[0]}
	how := map[string]string{
		"virtualservice-host-conflict": "put the rules into one of the two VirtualServices and delete the other; whoever keeps them can",
		"route-apis-conflict":          "keep the rules in one API: delete the VirtualService, or the route of Gateway API; whoever keeps them can",
		"destination-rule-hidden":      "keep the subsets of a host in one DestinationRule, in the service's namespace",
		"delegate-without-effect":      "name a VirtualService without hosts that is there and exported to the one that delegates",
		"rules-without-effect":         "remove the rules, or write them for the protocol of the service's port",
		"host-not-resolved":            "write the host as the message says; whoever keeps the object can",
		"gateway-missing":              "create the Gateway, or name the one that is there in spec.gateways",
	}[c.Check]
	if how == "" {
		return f, false
	}
	f.Fix = say("%s", how)
	return f, true
}

// born says of an object since when it is there, which decides between several.
func (x *index) born(ref mesh.Ref) string {
	if o := x.objects[ref]; o != nil {
		if at := o.GetCreationTimestamp(); !at.IsZero() {
			return ref.String() + ", created " + at.UTC().Format(time.RFC3339)
		}
	}
	return ref.String()
}
