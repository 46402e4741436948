package checks

import (
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func quotaRejectsSidecar() diagnose.Check {
	return diagnose.Check{
		Name: "quota-rejects-sidecar",
		Area: diagnose.Injection,
		Doc: `A ResourceQuota or LimitRange refuses pods because of the sidecar's resources

The containers of the sidecar count like any other. A ResourceQuota on limits.cpu, for instance, refuses every pod of which a container states no CPU limit ("failed quota: …: must specify limits.cpu for: istio-init,istio-proxy"), and every pod that would go beyond what is left ("exceeded quota"). A LimitRange refuses containers above its maximum or below its minimum. The defaults of a LimitRange apply to the sidecar too.

It is found by making the next pod of each workload with istiod's own code, in namespaces that have a quota or a LimitRange, and adding up its containers as the API server does. What would be refused without a sidecar too is left out, and so is a quota that is merely nearly used up while no pod is missing.

To fix it, raise the quota or the limit, or state defaults with a LimitRange, as the commands printed do (whoever administers the namespace can), or give the sidecar other resources: with the annotations sidecar.istio.io/proxyCPU, proxyCPULimit, proxyMemory and proxyMemoryLimit on the pods, or global.proxy.resources of the installation.`,
		Severity: diagnose.Error,
		Needs:    append(nextPodNeeds(), mesh.ResourceQuotas, mesh.LimitRanges),
		Wants:    nextPodWants(),
		Explains: []string{"pod-creation-refused", "pod-older-than-injection"},
		Run:      runQuotaRejectsSidecar,
	}
}

// refusedBy collects, for one quota or LimitRange, the workloads that it
// refuses for one reason.
type refusedBy struct {
	object    mesh.Ref
	quota     *core.ResourceQuota
	workloads []*mesh.Workload
	missing   map[core.ResourceName][]string          // of a quota: containers that state nothing
	over      map[core.ResourceName]bool              // of a quota: what would be exceeded
	pods      map[*mesh.Workload][2]core.ResourceList // what the next pod takes of the quota, without and with the sidecar
	limits    map[string]rangeBreach                  // of a LimitRange, by path
}

func runQuotaRejectsSidecar(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, ns := range p.Snapshot.Namespaces {
		quotas, ranges := quotasOf(p.Snapshot, ns.Name), rangesOf(p.Snapshot, ns.Name)
		if len(quotas)+len(ranges) == 0 {
			continue
		}
		by := map[string]*refusedBy{}
		for _, w := range p.Workloads {
			if w.Ref.Namespace != ns.Name {
				continue
			}
			in, ok := p.Inject(w)
			if !ok || in.Pod == nil {
				continue
			}
			app, whole := withDefaults(w.NextPod(), ranges), withDefaults(in.Pod, ranges)
			for _, q := range quotas {
				judgeQuota(by, q, w, app, whole)
			}
			for _, lr := range ranges {
				judgeRange(by, lr, w, app, whole)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(by)) {
			found = append(found, by[key].finding(p))
		}
	}
	return found
}

func judgeQuota(by map[string]*refusedBy, q *core.ResourceQuota, w *mesh.Workload, app, whole *core.Pod) {
	if !covered(q, whole) || covered(q, app) && len(unstated(q, app)) > 0 {
		return
	}
	if missing := unstated(q, whole); len(missing) > 0 {
		r := entry(by, "quota/"+q.Name+"/unstated", mesh.RefTo(mesh.ResourceQuotas, q.Namespace, q.Name), w)
		r.quota = q
		if r.missing == nil {
			r.missing = missing
		}
		return
	}
	if lacking(w) == 0 && len(bareNow(w)) == 0 || covered(q, app) && len(exceeded(q, app)) > 0 {
		return
	}
	over := exceeded(q, whole)
	if len(over) == 0 {
		return
	}
	r := entry(by, "quota/"+q.Name+"/exceeded", mesh.RefTo(mesh.ResourceQuotas, q.Namespace, q.Name), w)
	r.quota = q
	for _, name := range over {
		if r.over == nil {
			r.over, r.pods = map[core.ResourceName]bool{}, map[*mesh.Workload][2]core.ResourceList{}
		}
		r.over[name] = true
	}
	r.pods[w] = [2]core.ResourceList{usage(app), usage(whole)}
}

func judgeRange(by map[string]*refusedBy, lr *core.LimitRange, w *mesh.Workload, app, whole *core.Pod) {
	if len(breaches(lr, app)) > 0 {
		return
	}
	for _, b := range breaches(lr, whole) {
		r := entry(by, "range/"+lr.Name, mesh.RefTo(mesh.LimitRanges, lr.Namespace, lr.Name), w)
		if r.limits == nil {
			r.limits = map[string]rangeBreach{}
		}
		if _, seen := r.limits[b.path]; !seen {
			r.limits[b.path] = b
		}
	}
}

func entry(by map[string]*refusedBy, key string, object mesh.Ref, w *mesh.Workload) *refusedBy {
	r := by[key]
	if r == nil {
		r = &refusedBy{object: object}
		by[key] = r
	}
	if !slices.Contains(r.workloads, w) {
		r.workloads = append(r.workloads, w)
	}
	return r
}

// ofContainers reports whether a quota's limit counts what containers state,
// and not objects.
func ofContainers(name core.ResourceName) bool {
	switch name {
	case core.ResourceCPU, core.ResourceMemory, core.ResourceEphemeralStorage:
		return true
	}
	return strings.HasPrefix(string(name), "requests.") && name != core.ResourceRequestsStorage || strings.HasPrefix(string(name), "limits.")
}

// quotasOf are the namespace's quotas that a sidecar can matter to.
func quotasOf(s *mesh.Snapshot, namespace string) []*core.ResourceQuota {
	return slices.DeleteFunc(slices.Clone(s.ResourceQuotas), func(q *core.ResourceQuota) bool {
		return q.Namespace != namespace || !slices.ContainsFunc(sortedNames(q.Spec.Hard), ofContainers)
	})
}

func rangesOf(s *mesh.Snapshot, namespace string) []*core.LimitRange {
	return slices.DeleteFunc(slices.Clone(s.LimitRanges), func(l *core.LimitRange) bool { return l.Namespace != namespace })
}
