package checks

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// allContainers goes through a pod's containers, init containers first.
func allContainers(spec *core.PodSpec) iter.Seq[*core.Container] {
	return both(spec.InitContainers, spec.Containers)
}

// both goes through two lists without copying them: there are many pods.
func both[T any](first, second []T) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, list := range [][]T{first, second} {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// withDefaults is a pod with the resources that the API server gives its
// containers: requests where only limits are stated, and the defaults of
// LimitRanges. The LimitRanger runs again after a webhook has changed a pod,
// so that containers of the sidecar get them too (k8s.io/kubernetes v1.35.4,
// pkg/apis/core/v1/defaults.go, plugin/pkg/admission/limitranger).
func withDefaults(pod *core.Pod, ranges []*core.LimitRange) *core.Pod {
	p := pod.DeepCopy()
	for _, list := range [][]core.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			r := &list[i].Resources
			r.Requests = filled(r.Requests, r.Limits)
			for _, lr := range ranges {
				for _, item := range lr.Spec.Limits {
					if item.Type == core.LimitTypeContainer {
						limits := filled(item.Default, item.Max)
						requests := filled(filled(item.DefaultRequest, limits), item.Min)
						r.Requests, r.Limits = filled(r.Requests, requests), filled(r.Limits, limits)
					}
				}
			}
		}
	}
	return p
}

// filled is a list with what it lacks from another.
func filled(list, from core.ResourceList) core.ResourceList {
	out := list.DeepCopy()
	if out == nil {
		out = core.ResourceList{}
	}
	for name, q := range from {
		if _, ok := out[name]; !ok {
			out[name] = q
		}
	}
	return out
}

// rangeBreach is a limit of a LimitRange that a pod goes against.
type rangeBreach struct {
	path  string // of the limit in the LimitRange, as JSON patch spells it
	value string // that would allow the pod
	words string // as the API server says it
}

// breaches are the limits that a pod goes against
// (k8s.io/kubernetes v1.35.4, plugin/pkg/admission/limitranger: PodValidateLimitFunc).
func breaches(lr *core.LimitRange, pod *core.Pod) []rangeBreach {
	var found []rangeBreach
	for i, item := range lr.Spec.Limits {
		switch item.Type {
		case core.LimitTypeContainer:
			for c := range allContainers(&pod.Spec) {
				found = append(found, itemBreaches(i, item, c.Resources.Requests, c.Resources.Limits, "container "+c.Name)...)
			}
		case core.LimitTypePod:
			requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
			limits := resourcehelper.PodLimits(pod, resourcehelper.PodResourcesOptions{})
			found = append(found, itemBreaches(i, item, requests, limits, "the pod")...)
		}
	}
	return found
}

func itemBreaches(i int, item core.LimitRangeItem, requests, limits core.ResourceList, who string) []rangeBreach {
	var found []rangeBreach
	add := func(field string, name core.ResourceName, value, words string) {
		found = append(found, rangeBreach{fmt.Sprintf("/spec/limits/%d/%s/%s", i, field, name), value, words + " (" + who + ")"})
	}
	for _, name := range sortedNames(item.Max) {
		most := item.Max[name]
		limit, stated := limits[name]
		if stated && limit.Cmp(most) > 0 {
			add("max", name, limit.String(), fmt.Sprintf("maximum %s usage per %s is %s, but limit is %s", name, item.Type, most.String(), limit.String()))
		}
	}
	for _, name := range sortedNames(item.Min) {
		least := item.Min[name]
		request, stated := requests[name]
		if stated && request.Cmp(least) < 0 {
			add("min", name, request.String(), fmt.Sprintf("minimum %s usage per %s is %s, but request is %s", name, item.Type, least.String(), request.String()))
		}
	}
	for _, name := range sortedNames(item.MaxLimitRequestRatio) {
		most := item.MaxLimitRequestRatio[name]
		request, limit := requests[name], limits[name]
		if request.IsZero() || limit.IsZero() {
			continue
		}
		if ratio := limit.AsApproximateFloat64() / request.AsApproximateFloat64(); ratio > most.AsApproximateFloat64() {
			add("maxLimitRequestRatio", name, fmt.Sprintf("%d", int64(ratio)+1),
				fmt.Sprintf("%s max limit to request ratio per %s is %s, but provided ratio is %f", name, item.Type, most.String(), ratio))
		}
	}
	return found
}

// usage is what a pod takes of a quota
// (k8s.io/kubernetes v1.35.4, pkg/quota/v1/evaluator/core/pods.go: podComputeUsageHelper).
func usage(pod *core.Pod) core.ResourceList {
	used := core.ResourceList{}
	for name, q := range resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}) {
		used[core.ResourceName("requests."+string(name))] = q
		switch name {
		case core.ResourceCPU, core.ResourceMemory, core.ResourceEphemeralStorage:
			used[name] = q
		}
	}
	for name, q := range resourcehelper.PodLimits(pod, resourcehelper.PodResourcesOptions{}) {
		used[core.ResourceName("limits."+string(name))] = q
	}
	return used
}

// unstated are the containers that state no value for something that a quota
// limits, by the quota's name for it
// (same file: enforcePodContainerConstraints).
func unstated(quota *core.ResourceQuota, pod *core.Pod) map[core.ResourceName][]string {
	found := map[core.ResourceName][]string{}
	for _, name := range sortedNames(quota.Spec.Hard) {
		resource, limit := strings.TrimPrefix(string(name), "requests."), false
		if after, ok := strings.CutPrefix(string(name), "limits."); ok {
			resource, limit = after, true
		}
		if resource != string(core.ResourceCPU) && resource != string(core.ResourceMemory) {
			continue
		}
		for c := range allContainers(&pod.Spec) {
			list := c.Resources.Requests
			if limit {
				list = c.Resources.Limits
			}
			if _, ok := list[core.ResourceName(resource)]; !ok {
				found[name] = append(found[name], c.Name)
			}
		}
	}
	return found
}

// covered reports whether a quota counts a pod; one with scopes that are not
// known here does not.
func covered(quota *core.ResourceQuota, pod *core.Pod) bool {
	if quota.Spec.ScopeSelector != nil {
		return false
	}
	bestEffort := len(usage(pod)) == 0
	for _, scope := range quota.Spec.Scopes {
		deadline := pod.Spec.ActiveDeadlineSeconds != nil
		switch scope {
		case core.ResourceQuotaScopeTerminating:
			if !deadline {
				return false
			}
		case core.ResourceQuotaScopeNotTerminating:
			if deadline {
				return false
			}
		case core.ResourceQuotaScopeBestEffort:
			if !bestEffort {
				return false
			}
		case core.ResourceQuotaScopeNotBestEffort:
			if bestEffort {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// exceeded names what a pod would take beyond a quota, sorted.
func exceeded(quota *core.ResourceQuota, pod *core.Pod) []core.ResourceName {
	takes := usage(pod)
	var over []core.ResourceName
	for _, name := range sortedNames(quota.Spec.Hard) {
		take, counted := takes[name]
		if !counted {
			continue
		}
		sum := quota.Status.Used[name]
		sum.Add(take)
		if sum.Cmp(quota.Spec.Hard[name]) > 0 {
			over = append(over, name)
		}
	}
	return over
}

func sortedNames(list core.ResourceList) []core.ResourceName {
	return slices.Sorted(maps.Keys(list))
}

// lacking is how many pods a workload lacks; none where its kind does not say.
func lacking(w *mesh.Workload) int {
	return max(0, int(w.Wanted)-len(w.Pods))
}
