package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

func (r *refusedBy) finding(p *diagnose.Pass) diagnose.Finding {
	f := diagnose.Finding{Object: r.object, Affects: refsOf(r.workloads)}
	switch {
	case r.limits != nil:
		r.ofRange(&f)
	case r.missing != nil:
		r.ofUnstated(&f)
	default:
		r.ofExceeded(&f)
	}
	f.Fix = append(f.Fix, again(p, r.workloads)...)
	return f
}

func (r *refusedBy) ofRange(f *diagnose.Finding) {
	var words []string
	var ops []patchOp
	for _, path := range slices.Sorted(maps.Keys(r.limits)) {
		b := r.limits[path]
		words = append(words, b.words)
		ops = append(ops, patchOp{"replace", b.path, b.value})
		if f.Field == "" {
			f.Field = strings.ReplaceAll(strings.TrimPrefix(b.path, "/"), "/", ".")
		}
	}
	f.ID = "quota-rejects-sidecar/LimitRange/" + r.object.Namespace + "/" + r.object.Name
	f.Message = fmt.Sprintf("%s refuses every new pod of %s because of the sidecar: %s", r.object, whose(r.workloads), words[0])
	f.Evidence = words
	f.Fix = []diagnose.Step{{
		Kind: diagnose.StepOther,
		Run:  kubectl(r.object.Namespace, "patch", "limitrange", r.object.Name, "--type", "json", "-p", asJSON(ops)),
		Say:  "or give the sidecar other resources with the annotations sidecar.istio.io/proxyCPU, proxyCPULimit, proxyMemory and proxyMemoryLimit on the pods",
	}}
}

func (r *refusedBy) ofUnstated(f *diagnose.Finding) {
	names := slices.Sorted(maps.Keys(r.missing))
	for _, name := range names {
		f.Evidence = append(f.Evidence, fmt.Sprintf("must specify %s for: %s", name, strings.Join(r.missing[name], ",")))
	}
	f.Field = "spec.hard." + string(names[0])
	f.Message = fmt.Sprintf("%s refuses every new pod of %s because the sidecar states no %s", r.object, whose(r.workloads), joined(names))
	f.Fix = []diagnose.Step{{
		Kind: diagnose.StepOther,
		Run:  command("echo", defaultsFor(names)) + " | " + kubectl(r.object.Namespace, "apply", "-f", "-"),
		Say:  "gives a default to every container of the namespace that states nothing; or set global.proxy.resources of the installation",
	}}
}

func (r *refusedBy) ofExceeded(f *diagnose.Finding) {
	names := slices.Sorted(maps.Keys(r.over))
	hard := map[core.ResourceName]string{}
	for _, name := range names {
		used, most := r.quota.Status.Used[name], r.quota.Spec.Hard[name]
		first := r.pods[r.workloads[0]][1][name]
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s: %s used of %s, the next pod of %s takes %s with its sidecar", name, used.String(), most.String(), r.workloads[0].Ref, first.String()))
		hard[name] = r.needed(name)
	}
	f.Field = "spec.hard." + string(names[0])
	f.Message = fmt.Sprintf("%s has too little %s left for the sidecar, so the API server refuses new pods of %s", r.object, joined(names), whose(r.workloads))
	f.Fix = []diagnose.Step{{
		Kind: diagnose.StepOther,
		Run:  kubectl(r.object.Namespace, "patch", "resourcequota", r.object.Name, "--type", "merge", "-p", asJSON(map[string]any{"spec": map[string]any{"hard": hard}})),
		Say:  "or give the sidecar less with the annotations sidecar.istio.io/proxyCPU, proxyCPULimit, proxyMemory and proxyMemoryLimit on the pods",
	}}
}

// needed is a quota that lets the workloads have all their pods, and one more
// each while they are replaced.
func (r *refusedBy) needed(name core.ResourceName) string {
	sum := r.quota.Status.Used[name]
	for _, w := range r.workloads {
		app, whole := r.pods[w][0][name], r.pods[w][1][name]
		for range lacking(w) + 1 {
			sum.Add(whole)
		}
		for range bareNow(w) {
			sum.Add(whole)
			sum.Sub(app)
		}
	}
	return sum.String()
}

// defaultsFor is a LimitRange with a default for what a quota wants stated.
func defaultsFor(names []core.ResourceName) string {
	requests, limits := []string{}, []string{}
	for _, name := range names {
		if resource, ok := strings.CutPrefix(string(name), "limits."); ok {
			limits = append(limits, fmt.Sprintf("%q:%q", resource, map[string]string{"cpu": "1", "memory": "512Mi"}[resource]))
			continue
		}
		resource := strings.TrimPrefix(string(name), "requests.")
		requests = append(requests, fmt.Sprintf("%q:%q", resource, map[string]string{"cpu": "100m", "memory": "128Mi"}[resource]))
	}
	item := `"type":"Container"`
	if len(limits) > 0 {
		item += `,"default":{` + strings.Join(limits, ",") + `}`
	}
	if len(requests) > 0 {
		item += `,"defaultRequest":{` + strings.Join(requests, ",") + `}`
	}
	return `{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"sidecar-defaults"},"spec":{"limits":[{` + item + `}]}}`
}

func joined(names []core.ResourceName) string {
	var words []string
	for _, n := range names {
		words = append(words, string(n))
	}
	return strings.Join(words, " and ")
}
