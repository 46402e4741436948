package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func rootCertMissing() diagnose.Check {
	return diagnose.Check{
		Name: "root-cert-missing",
		Area: diagnose.Injection,
		Doc: `Injected pods cannot start, since their namespace has no istio-ca-root-cert

Injected pods mount ConfigMap istio-ca-root-cert, by which the proxy trusts istiod. istiod writes it into every namespace that it watches. Where it is missing, new pods hang in ContainerCreating with 'MountVolume.SetUp failed for volume "istiod-ca-cert": configmap "istio-ca-root-cert" not found'. The webhook injects all the same: it knows nothing of the mesh configuration's discoverySelectors, so that a namespace with an injection label that no discovery selector matches is the usual cause. Others are a quota on ConfigMaps, and an istiod that has lost its leadership or its rights.

It is found in namespaces where injected pods run or would be made, and their pods, as istiod's own code makes them, mount the ConfigMap. A namespace younger than two minutes is given time.

To fix it, give the namespace a label that a discovery selector matches, or the room in the quota, or restart istiod, as the finding says; then the kubelet starts the pods by itself. Whoever may label the namespace can.`,
		Severity: diagnose.Error,
		Needs:    append(nextPodNeeds(), mesh.ConfigMaps),
		Wants:    nextPodWants(mesh.Services, mesh.ResourceQuotas, mesh.Deployments),
		Explains: []string{"proxy-not-ready"},
		Run:      runRootCertMissing,
	}
}

func runRootCertMissing(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, g := range grouped(p.Workloads) {
		ns := g.namespace
		if ns == nil || ns.DeletionTimestamp != nil || !p.Snapshot.Complete(mesh.ConfigMaps, ns.Name) || rootCert(p.Snapshot, ns.Name) != nil {
			continue
		}
		mounting := slices.DeleteFunc(slices.Clone(g.workloads), func(w *mesh.Workload) bool { return !mountsRootCert(p, w) })
		if len(mounting) == 0 {
			continue
		}
		cp := planeOf(p, mounting[0])
		if cp == nil || cp.Deployment == nil || cp.Deployment.Status.AvailableReplicas == 0 {
			continue // another check tells of an istiod that is away
		}
		f := diagnose.Finding{
			Object: g.ref(), Affects: refsOf(mounting),
			Evidence: []string{fmt.Sprintf("ConfigMap %s in namespace %s: none", rootCertName, ns.Name)},
		}
		before := fmt.Sprintf("Namespace %s has no ConfigMap %s, so new pods with a sidecar do not start in it: ", ns.Name, rootCertName)
		switch selectors := discoverySelectors(cp); {
		case len(selectors) > 0 && !selectedBy(selectors, ns):
			f.Field = "metadata.labels"
			f.Message = before + fmt.Sprintf("no discovery selector of revision %s matches its labels", cp.Revision)
			f.Evidence = append(f.Evidence, "meshConfig.discoverySelectors: "+asJSON(selectors), "labels of the namespace: "+selectorWords(ns.Labels))
			f.Fix = discoverable(selectors, ns)
		case p.Snapshot.Time.Sub(ns.CreationTimestamp.Time) < 2*time.Minute:
			continue
		case len(fullOfConfigMaps(p, ns.Name)) > 0:
			full := fullOfConfigMaps(p, ns.Name)
			f.Message = before + fmt.Sprintf("ResourceQuota %s allows no further ConfigMap", full[0])
			f.Fix = []diagnose.Step{{Kind: diagnose.StepManual, Say: fmt.Sprintf("raise what ResourceQuota %s/%s allows of configmaps by one, or delete a ConfigMap that nobody needs; whoever administers the namespace can", ns.Name, full[0])}}
		default:
			f.Message = before + "istiod has not written it, though it watches the namespace"
			f.Fix = []diagnose.Step{restartIstiod(cp, "makes istiod write it anew; if it does not come, its log says why (a right that is missing, another leader)")}
		}
		found = append(found, f)
	}
	return found
}

// mountsRootCert reports whether a workload's next pod would mount the
// ConfigMap, as istiod makes it.
func mountsRootCert(p *diagnose.Pass, w *mesh.Workload) bool {
	in, ok := p.Inject(w)
	if !ok || in.Pod == nil {
		return false
	}
	return slices.ContainsFunc(in.Pod.Spec.Volumes, func(v core.Volume) bool {
		return v.ConfigMap != nil && v.ConfigMap.Name == rootCertName && (v.ConfigMap.Optional == nil || !*v.ConfigMap.Optional)
	})
}

// discoverySelectors are those of a control plane's mesh configuration.
func discoverySelectors(cp *mesh.ControlPlane) []metav1.LabelSelector {
	if cp.Mesh == nil {
		return nil
	}
	var config struct {
		DiscoverySelectors []metav1.LabelSelector `json:"discoverySelectors"`
	}
	if err := yaml.Unmarshal([]byte(cp.Mesh.Data["mesh"]), &config); err != nil {
		return nil
	}
	return config.DiscoverySelectors
}

func selectedBy(selectors []metav1.LabelSelector, ns *core.Namespace) bool {
	return slices.ContainsFunc(selectors, func(sel metav1.LabelSelector) bool {
		s, err := metav1.LabelSelectorAsSelector(&sel)
		return err == nil && s.Matches(labels.Set(ns.Labels))
	})
}

// discoverable is the step that makes a namespace match a discovery selector:
// the first that labels alone can satisfy.
func discoverable(selectors []metav1.LabelSelector, ns *core.Namespace) []diagnose.Step {
	for _, sel := range selectors {
		want := map[string]string{}
		for k, v := range sel.MatchLabels {
			want[k] = v
		}
		for _, e := range sel.MatchExpressions {
			if e.Operator == metav1.LabelSelectorOpIn && len(e.Values) > 0 && want[e.Key] == "" {
				want[e.Key] = e.Values[0]
			}
		}
		trial := edit{labels: want}
		_, fixed := want[core.LabelMetadataName]
		if !fixed && selectedBy([]metav1.LabelSelector{sel}, trial.namespace(ns)) {
			return trial.namespaceSteps(ns)
		}
	}
	return []diagnose.Step{{Kind: diagnose.StepManual, Say: fmt.Sprintf("add a selector to meshConfig.discoverySelectors that matches namespace %s, whoever installs Istio can", ns.Name)}}
}

// fullOfConfigMaps names the quotas of a namespace that allow no further
// ConfigMap.
func fullOfConfigMaps(p *diagnose.Pass, namespace string) []string {
	var full []string
	for _, q := range p.Snapshot.ResourceQuotas {
		for name, hard := range q.Status.Hard {
			used := q.Status.Used[name]
			if q.Namespace == namespace && strings.TrimPrefix(string(name), "count/") == "configmaps" && used.Cmp(hard) >= 0 {
				full = append(full, q.Name)
			}
		}
	}
	slices.Sort(full)
	return slices.Compact(full)
}
