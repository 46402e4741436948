package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func proxyVersionSkew() diagnose.Check {
	return diagnose.Check{
		Name: "proxy-version-skew",
		Area: diagnose.DataPlane,
		Doc: `Proxies are too far from their control plane's version, or it is gone

Istio supports a control plane one minor version ahead of its proxies, and no
proxy ahead of its control plane (istio.io, "Supported Releases", "Control Plane
/ Data Plane Skew"). Two minor versions behind is not tested any more: proxies
may miss configuration that they do not understand. A proxy whose revision has
no istiod any more keeps what it last received, until its certificate ends (24
hours at most) or the pod restarts.

Found by comparing the tag of the pods' istio-proxy image with the image of
istiod of the revision that injected them (annotation sidecar.istio.io/status).
Tags that are no versions are passed over.

Fix: restart the workloads; their new pods get the proxy of the control plane
that serves them now. Where the pod template itself pins the proxy's image
(annotation sidecar.istio.io/proxyImage, or an image on a container istio-proxy)
take the pin off instead: a restart brings the same proxy. Where the revision is gone, first label their namespace
for one that runs. Proxies that are ahead want their control plane upgraded
instead. Whoever owns the workloads can do the first.`,
		Severity: diagnose.Error,
		Needs:    append(webhookNeeds(), mesh.Pods, mesh.Deployments),
		Wants:    webhookWants(),
		Explains: []string{"revision-changed"},
		Aliases:  []string{"IST0158"},
		Run:      findSkew,
	}
}

// skew is a way in which the proxies of one namespace are off.
type skew struct {
	namespace, revision string
	proxy, plane        string // minor versions; plane is empty for a revision that is gone
}

func findSkew(p *diagnose.Pass) []diagnose.Finding {
	hits := map[skew][]mesh.Ref{}
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		for _, pod := range w.Pods {
			s, off := skewOf(p, pod)
			if !off {
				continue
			}
			if at, ok := pinnedOff(w, s); ok {
				found = append(found, pinnedSkew(p, w, s, at))
				break
			}
			s.namespace = w.Ref.Namespace
			hits[s] = append(hits[s], w.Ref)
		}
	}
	key := func(s skew) string { return strings.Join([]string{s.namespace, s.revision, s.proxy, s.plane}, "/") }
	order := slices.SortedFunc(maps.Keys(hits), func(a, b skew) int { return strings.Compare(key(a), key(b)) })
	for _, s := range order {
		refs := slices.Compact(slices.SortedFunc(slices.Values(hits[s]), mesh.Ref.Compare))
		f := diagnose.Finding{
			ID: "proxy-version-skew/" + key(s), Severity: diagnose.Warning,
			Object: mesh.RefTo(mesh.Namespaces, "", s.namespace), Affects: refs,
		}
		s.describe(p, &f, refs)
		found = append(found, f)
	}
	return found
}

// skewOf compares a pod's proxy with the istiod of its revision.
func skewOf(p *diagnose.Pass, pod *core.Pod) (skew, bool) {
	revision := mesh.InjectedBy(pod)
	if revision == "" {
		return skew{}, false
	}
	cp := istiodNamed(p, revision)
	if cp == nil {
		return skew{revision: revision}, revisionGone(p, revision)
	}
	proxy, ok := parseVersion(mesh.ProxyVersion(&pod.Spec))
	plane, known := parseVersion(cp.Version())
	if !ok || !known {
		return skew{}, false
	}
	return skew{revision: revision, proxy: proxy.String(), plane: plane.String()}, tooFar(proxy, plane)
}

func tooFar(proxy, plane version) bool {
	behind := plane.minor - proxy.minor
	return proxy.major != plane.major || behind < 0 || behind > 1
}

// revisionGone reports whether no istiod of a revision can be anywhere: all
// Deployments were read, some istiod is here, and no webhook calls a control
// plane outside.
func revisionGone(p *diagnose.Pass, revision string) bool {
	if !p.Snapshot.Complete(mesh.Deployments, "") || !p.Snapshot.Complete(mesh.MutatingWebhooks, "") {
		return false
	}
	for _, h := range injectorHooks(p.Snapshot) {
		external := h.hook().ClientConfig.Service == nil || answering(p, h.hook().ClientConfig.Service) == nil
		if external && mesh.RevisionOf(h.config.Labels) == revision && servicePresent(p, h) {
			return false
		}
	}
	return true
}

// stranded keeps the workloads that run proxies of a revision that is gone,
// where another istiod can take them.
func stranded(p *diagnose.Pass, refs []mesh.Ref) []mesh.Ref {
	if bestRevision(p) == "" {
		return nil
	}
	set := map[mesh.Ref]bool{}
	for _, r := range refs {
		set[r] = true
	}
	var left []mesh.Ref
	for _, w := range p.Workloads {
		lost := func(pod *core.Pod) bool {
			revision := mesh.InjectedBy(pod)
			return revision != "" && istiodNamed(p, revision) == nil && revisionGone(p, revision)
		}
		if set[w.Ref] && slices.ContainsFunc(w.Pods, lost) {
			left = append(left, w.Ref)
		}
	}
	return left
}

// servicePresent reports whether a webhook calls something that exists, or may
// exist, outside of what was read.
func servicePresent(p *diagnose.Pass, h injectorHook) bool {
	ref := h.hook().ClientConfig.Service
	return ref == nil || !p.Snapshot.Complete(mesh.Services, ref.Namespace) || serviceOf(p.Snapshot, ref.Namespace, ref.Name) != nil
}

func (s skew) describe(p *diagnose.Pass, f *diagnose.Finding, refs []mesh.Ref) {
	what := fmt.Sprintf("proxies of %s in namespace %s", count(len(refs), "workload"), s.namespace)
	if s.plane == "" {
		f.Severity = diagnose.Error
		f.Field = "metadata.annotations[" + mesh.StatusAnnotation + "]"
		f.Message = fmt.Sprintf("%s belong to revision %s, which has no istiod any more: they get no new configuration and no new certificates", what, s.revision)
		f.Evidence = []string{"sidecar.istio.io/status of the pods says revision " + s.revision, istiodsText(p)}
		f.Fix = s.rehome(p, refs)
		return
	}
	f.Field = "spec.containers[" + mesh.ProxyContainer + "].image"
	f.Evidence = []string{
		"the pods' proxies are of version " + s.proxy,
		fmt.Sprintf("istiod of revision %s is of version %s", s.revision, s.plane),
	}
	f.Fix = restarts(refs)
	proxy, _ := parseVersion(s.proxy)
	if plane, _ := parseVersion(s.plane); proxy.compare(plane) > 0 {
		f.Message = fmt.Sprintf("%s are of version %s, ahead of istiod %s of revision %s: Istio supports no proxy ahead of its control plane", what, s.proxy, s.plane, s.revision)
		f.Fix = append(f.Fix, diagnose.Step{Kind: diagnose.StepManual, Say: "or upgrade istiod of revision " + s.revision + " to " + s.proxy + ", if it was rolled back by mistake"})
		return
	}
	f.Message = fmt.Sprintf("%s are of version %s, more than one minor version behind istiod %s of revision %s", what, s.proxy, s.plane, s.revision)
}

// rehome are the steps that bring workloads of a lost revision to one that
// runs.
func (s skew) rehome(p *diagnose.Pass, refs []mesh.Ref) []diagnose.Step {
	to := bestRevision(p)
	if to == "" {
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "install Istio again (istioctl install, or its Helm charts) and restart the workloads, or restart them without injection"}}
	}
	var steps []diagnose.Step
	for _, w := range p.Workloads {
		if w.Ref.Namespace != s.namespace || !slices.Contains(refs, w.Ref) {
			continue
		}
		if d, known := p.DecideWorkload(w); known && d.Inject && istiodNamed(p, d.Istiod.Revision) != nil {
			continue // its next pod goes to an istiod that runs
		}
		steps = append(steps, diagnose.Step{
			Run:  kubectl("", "label", "namespace", s.namespace, pair(mesh.RevisionLabel, to), mesh.InjectionLabel+"-", "--overwrite"),
			Say:  "moves the namespace to revision " + to,
			Kind: diagnose.StepLabel,
		})
		break
	}
	return append(steps, restarts(refs)...)
}
