package mesh

import (
	"testing"

	"github.com/stretchr/testify/assert"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOwnerOf(t *testing.T) {
	labels := func(kv ...string) metav1.ObjectMeta {
		m := metav1.ObjectMeta{Name: "web", Labels: map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			m.Labels[kv[i]] = kv[i+1]
		}
		return m
	}
	annotated := func(m metav1.ObjectMeta, kv ...string) metav1.ObjectMeta {
		m.Name, m.Annotations = "web", map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m.Annotations[kv[i]] = kv[i+1]
		}
		return m
	}
	managed := func(m metav1.ObjectMeta, manager string, by metav1.ManagedFieldsOperationType, subresource string) metav1.ObjectMeta {
		m.Name = "web"
		m.ManagedFields = append(m.ManagedFields, metav1.ManagedFieldsEntry{Manager: manager, Operation: by, Subresource: subresource})
		return m
	}
	none := metav1.ObjectMeta{}
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	kustomization := []string{"kustomize.toolkit.fluxcd.io/name", "apps", "kustomize.toolkit.fluxcd.io/namespace", "flux-system"}
	type want struct {
		Owner   string
		Refuses bool
		Marks   []string
		Instead string
	}
	for name, c := range map[string]struct {
		meta metav1.ObjectMeta
		want *want
	}{
		"nobody":                        {none, nil},
		"people":                        {managed(managed(none, "kubectl-edit", update, ""), "kubectl-label", update, ""), nil},
		"Argo CD's tracking annotation": {annotated(none, "argocd.argoproj.io/tracking-id", "shop:apps/Deployment:shop/web"), &want{"Argo CD (application shop)", true, []string{`annotation argocd.argoproj.io/tracking-id is "shop:apps/Deployment:shop/web"`}, "change it in the Git repository of application shop, or switch off its automated sync first"}},
		"a tracking id that was copied": {annotated(none, "argocd.argoproj.io/tracking-id", "shop:apps/Deployment:shop/other"), nil},
		"Argo CD's own label":           {labels("argocd.argoproj.io/instance", "shop"), &want{"Argo CD (application shop)", true, []string{`label argocd.argoproj.io/instance is "shop"`}, "change it in the Git repository of application shop, or switch off its automated sync first"}},
		"Argo CD as a manager":          {managed(none, "argocd-controller", apply, ""), &want{"Argo CD", true, []string{`fields are managed by "argocd-controller"`}, "change it in the Git repository of its application"}},
		"Argo CD's manager and the common label": {managed(labels("app.kubernetes.io/instance", "shop"), "argocd-controller", apply, ""),
			&want{"Argo CD (application shop)", true, []string{`fields are managed by "argocd-controller"`, `label app.kubernetes.io/instance is "shop"`}, "change it in the Git repository of application shop, or switch off its automated sync first"}},
		"the common label alone":      {labels("app.kubernetes.io/instance", "shop"), nil},
		"a status that Argo CD wrote": {managed(none, "argocd-controller", update, "status"), nil},
		"a Kustomization": {labels(kustomization...), &want{"Flux (Kustomization flux-system/apps)", true,
			[]string{`label kustomize.toolkit.fluxcd.io/name is "apps"`, `label kustomize.toolkit.fluxcd.io/namespace is "flux-system"`},
			"change it in the Git repository that Flux reads, or pause it first: flux suspend kustomization apps -n flux-system"}},
		"a Kustomization that leaves it alone": {annotated(labels(kustomization...), "kustomize.toolkit.fluxcd.io/reconcile", "Disabled"), &want{"Flux (Kustomization flux-system/apps)", false,
			[]string{`label kustomize.toolkit.fluxcd.io/name is "apps"`, `label kustomize.toolkit.fluxcd.io/namespace is "flux-system"`, `annotation kustomize.toolkit.fluxcd.io/reconcile is "Disabled"`},
			"change it in Git too, for when Flux takes it up again"}},
		"a Kustomization that ignores it": {labels(append(kustomization, "kustomize.toolkit.fluxcd.io/ssa", "Ignore")...), &want{"Flux (Kustomization flux-system/apps)", false,
			[]string{`label kustomize.toolkit.fluxcd.io/name is "apps"`, `label kustomize.toolkit.fluxcd.io/namespace is "flux-system"`, `label kustomize.toolkit.fluxcd.io/ssa is "Ignore"`},
			"change it in Git too, for when Flux takes it up again"}},
		"a Kustomization that merges": {annotated(labels(kustomization...), "kustomize.toolkit.fluxcd.io/ssa", "Merge"), &want{"Flux (Kustomization flux-system/apps)", true,
			[]string{`label kustomize.toolkit.fluxcd.io/name is "apps"`, `label kustomize.toolkit.fluxcd.io/namespace is "flux-system"`},
			"change it in the Git repository that Flux reads, or pause it first: flux suspend kustomization apps -n flux-system"}},
		"a HelmRelease, which Helm's marks do not hide": {annotated(labels("helm.toolkit.fluxcd.io/name", "web", "app.kubernetes.io/managed-by", "Helm"), "meta.helm.sh/release-name", "web"),
			&want{"Flux (HelmRelease web)", true, []string{`label helm.toolkit.fluxcd.io/name is "web"`}, "change it in the Git repository that Flux reads, or pause it first: flux suspend helmrelease web"}},
		"Flux as a manager": {managed(none, "kustomize-controller", apply, ""), &want{"Flux", true, []string{`fields are managed by "kustomize-controller"`}, "change it in the Git repository that Flux reads"}},
		"Helm": {annotated(labels("app.kubernetes.io/managed-by", "Helm"), "meta.helm.sh/release-name", "web", "meta.helm.sh/release-namespace", "shop"),
			&want{"Helm (release shop/web)", false, []string{`label app.kubernetes.io/managed-by is "Helm"`, `annotation meta.helm.sh/release-name is "web"`}, "put it into the chart's values too: the next upgrade may undo it"}},
		"another manager's label": {labels("app.kubernetes.io/managed-by", "Terraform"), nil},
		"kubectl apply":           {annotated(none, core.LastAppliedConfigAnnotation, "{}"), &want{"kubectl apply", false, []string{"annotation kubectl.kubernetes.io/last-applied-configuration is set"}, "change the file that is applied too: the next kubectl apply may undo it"}},
		"kubectl apply, of which the managers alone were read": {managed(none, "kubectl-client-side-apply", update, ""),
			&want{"kubectl apply", false, []string{`fields are managed by "kubectl-client-side-apply"`}, "change the file that is applied too: the next kubectl apply may undo it"}},
		"kubectl apply on the server": {managed(none, "kubectl", apply, ""), &want{"kubectl apply", false, []string{`fields are managed by "kubectl" (server-side apply)`}, "change the file that is applied too: the next kubectl apply may undo it"}},
		"Argo CD before kubectl apply": {annotated(labels("argocd.argoproj.io/instance", "shop"), core.LastAppliedConfigAnnotation, "{}"),
			&want{"Argo CD (application shop)", true, []string{`label argocd.argoproj.io/instance is "shop"`}, "change it in the Git repository of application shop, or switch off its automated sync first"}},
		"a Rollout":                {annotated(none, "argo-rollouts.argoproj.io/managed-by-rollouts", "web"), &want{"Argo Rollouts (Rollout web)", true, []string{`annotation argo-rollouts.argoproj.io/managed-by-rollouts is "web"`}, "let the Rollout move it: kubectl argo rollouts promote, or abort"}},
		"a Rollout before Argo CD": {managed(labels("argocd.argoproj.io/instance", "shop"), "rollouts-controller", update, ""), &want{"Argo Rollouts", true, []string{`fields are managed by "rollouts-controller"`}, "let the Rollout move it: kubectl argo rollouts promote, or abort"}},
		"a Canary": {metav1.ObjectMeta{Name: "web", OwnerReferences: []metav1.OwnerReference{{APIVersion: "flagger.app/v1beta1", Kind: "Canary", Name: "web"}}},
			&want{"Flagger (Canary web)", true, []string{"it is owned by Canary web (flagger.app/v1beta1)"}, "change the Canary, which writes the object anew"}},
		"another's Canary": {metav1.ObjectMeta{Name: "web", OwnerReferences: []metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Canary", Name: "web"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := OwnerOf(&core.Namespace{ObjectMeta: c.meta})
			if c.want == nil {
				assert.Nil(t, o)
				return
			}
			if assert.NotNil(t, o) {
				assert.Equal(t, *c.want, want{o.String(), o.Refuses, o.Marks, o.Instead})
			}
		})
	}
}
