package mesh

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Owner is who keeps an object as it is: a program that puts back what others
// change, now or at its next run.
type Owner struct {
	Tool    string   // "Argo CD"
	Name    string   // the application, release or object that it keeps it by; empty where no mark names it
	Marks   []string // what told, each readable alone: `label app.kubernetes.io/managed-by is "Helm"`
	Refuses bool     // it would undo the change by itself; else the change stays until its next run
	Instead string   // what to do instead, in one sentence
}

// String names the owner: "Argo CD (application shop)".
func (o *Owner) String() string {
	if o.Name == "" {
		return o.Tool
	}
	return o.Tool + " (" + o.Name + ")"
}

// OwnerOf tells from an object's marks who keeps it, nil for nobody. Of several
// it returns the one that would undo a change soonest. It looks at labels,
// annotations, owner references and the managers of fields.
func OwnerOf(obj metav1.Object) *Owner {
	m := marks{obj: obj}
	for _, keeps := range []func(marks) *Owner{marks.argoRollouts, marks.flagger, marks.argoCD, marks.flux, marks.helm, marks.kubectlApply} {
		if o := keeps(m); o != nil {
			return o
		}
	}
	return nil
}

// marks reads what programs leave on the objects that they keep.
type marks struct{ obj metav1.Object }

func (m marks) label(key string) (value, mark string) {
	return told("label", key, m.obj.GetLabels())
}

func (m marks) annotation(key string) (value, mark string) {
	return told("annotation", key, m.obj.GetAnnotations())
}

func told(what, key string, set map[string]string) (value, mark string) {
	value, ok := set[key]
	if !ok {
		return "", ""
	}
	return value, fmt.Sprintf("%s %s is %q", what, key, value)
}

// manager returns the mark of the first field manager of one of these names.
func (m marks) manager(names ...string) string {
	for _, e := range m.obj.GetManagedFields() {
		if slices.Contains(names, e.Manager) && e.Subresource == "" {
			return fmt.Sprintf("fields are managed by %q", e.Manager)
		}
	}
	return ""
}

// found leaves out what was not there.
func found(all ...string) []string {
	return slices.DeleteFunc(all, func(mark string) bool { return mark == "" })
}

// argoCD knows Argo CD by its tracking annotation (the default since v3), its
// own instance label, or its field manager. The label
// app.kubernetes.io/instance, its default before, is on most charts' objects
// and counts beside the manager alone. A tracking id that names another object
// was copied along and means nothing, as Argo CD takes it
// (github.com/argoproj/argo-cd, util/argo/resource_tracking.go).
func (m marks) argoCD() *Owner {
	id, tracking := m.annotation("argocd.argoproj.io/tracking-id")
	if tracking != "" && id[strings.LastIndex(id, "/")+1:] != m.obj.GetName() {
		id, tracking = "", ""
	}
	own, instance := m.label("argocd.argoproj.io/instance")
	manager := m.manager("argocd-controller", "argocd-application-controller")
	common, commonMark := m.label("app.kubernetes.io/instance")
	if manager == "" {
		common, commonMark = "", ""
	}
	all := found(tracking, instance, manager, commonMark)
	if len(all) == 0 {
		return nil
	}
	app, _, _ := strings.Cut(id, ":")
	for _, name := range []string{own, common} {
		if app == "" {
			app = name
		}
	}
	o := &Owner{Tool: "Argo CD", Marks: all, Refuses: true}
	o.Instead = "change it in the Git repository of its application"
	if app != "" {
		o.Name = "application " + app
		o.Instead = "change it in the Git repository of application " + app + ", or switch off its automated sync first"
	}
	return o
}

// flux knows Flux by the labels of its Kustomizations and HelmReleases, or by
// its field managers. What is marked to be left alone it leaves alone
// (github.com/fluxcd/kustomize-controller: reconcile disabled; ssa Ignore and
// IfNotPresent).
func (m marks) flux() *Owner {
	const kustomize, helm = "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"
	for _, of := range []struct{ prefix, kind, manager, pause string }{
		{kustomize, "Kustomization", "kustomize-controller", "flux suspend kustomization"},
		{helm, "HelmRelease", "helm-controller", "flux suspend helmrelease"},
	} {
		name, nameMark := m.label(of.prefix + "name")
		namespace, namespaceMark := m.label(of.prefix + "namespace")
		all := found(nameMark, namespaceMark, m.manager(of.manager))
		if len(all) == 0 {
			continue
		}
		o := &Owner{Tool: "Flux", Marks: all, Refuses: true, Instead: "change it in the Git repository that Flux reads"}
		if name != "" {
			o.Name = of.kind + " " + strings.TrimPrefix(namespace+"/"+name, "/")
			o.Instead += ", or pause it first: " + of.pause + " " + name
			if namespace != "" {
				o.Instead += " -n " + namespace
			}
		}
		if left := m.fluxLeaves(); left != "" && of.prefix == kustomize {
			o.Refuses, o.Marks = false, append(o.Marks, left)
			o.Instead = "change it in Git too, for when Flux takes it up again"
		}
		return o
	}
	return nil
}

// fluxLeaves is the mark by which Flux leaves an object alone, as label or
// annotation, in any case (github.com/fluxcd/pkg, ssa/utils: AnyInMetadata).
func (m marks) fluxLeaves() string {
	for _, off := range [][2]string{
		{"kustomize.toolkit.fluxcd.io/reconcile", "disabled"},
		{"kustomize.toolkit.fluxcd.io/ssa", "ignore"},
		{"kustomize.toolkit.fluxcd.io/ssa", "ifnotpresent"},
	} {
		for _, look := range []func(string) (string, string){m.label, m.annotation} {
			if value, mark := look(off[0]); strings.EqualFold(value, off[1]) {
				return mark
			}
		}
	}
	return ""
}

// helm knows what a Helm release brought; Helm itself writes at its next
// upgrade and not before.
func (m marks) helm() *Owner {
	by, label := m.label("app.kubernetes.io/managed-by")
	if by != "Helm" {
		label = ""
	}
	release, releaseMark := m.annotation("meta.helm.sh/release-name")
	namespace, _ := m.annotation("meta.helm.sh/release-namespace")
	all := found(label, releaseMark)
	if len(all) == 0 {
		return nil
	}
	o := &Owner{Tool: "Helm", Marks: all, Instead: "put it into the chart's values too: the next upgrade may undo it"}
	if release != "" {
		o.Name = "release " + strings.TrimPrefix(namespace+"/"+release, "/")
	}
	return o
}

// kubectlApply knows what was made with kubectl apply, which puts back what its
// file says at its next run. Snapshots do not hold its annotation, the managers
// tell as well.
func (m marks) kubectlApply() *Owner {
	mark := ""
	if _, ok := m.obj.GetAnnotations()[core.LastAppliedConfigAnnotation]; ok {
		mark = "annotation " + core.LastAppliedConfigAnnotation + " is set"
	}
	all := found(mark, m.manager("kubectl-client-side-apply", "kubectl-last-applied"))
	for _, e := range m.obj.GetManagedFields() {
		if e.Manager == "kubectl" && e.Operation == metav1.ManagedFieldsOperationApply {
			all = append(all, `fields are managed by "kubectl" (server-side apply)`)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &Owner{Tool: "kubectl apply", Marks: all, Instead: "change the file that is applied too: the next kubectl apply may undo it"}
}

// argoRollouts knows the routing objects that a Rollout moves.
func (m marks) argoRollouts() *Owner {
	by, annotation := m.annotation("argo-rollouts.argoproj.io/managed-by-rollouts")
	_, label := m.label("rollouts.argoproj.io/gatewayapi-canary")
	all := found(annotation, label, m.manager("rollouts-controller"))
	if len(all) == 0 {
		return nil
	}
	o := &Owner{
		Tool: "Argo Rollouts", Marks: all, Refuses: true,
		Instead: "let the Rollout move it: kubectl argo rollouts promote, or abort",
	}
	if by != "" {
		o.Name = "Rollout " + by
	}
	return o
}

// flagger knows what a Canary of Flagger made.
func (m marks) flagger() *Owner {
	for _, ref := range m.obj.GetOwnerReferences() {
		if ref.Kind == "Canary" && strings.HasPrefix(ref.APIVersion, "flagger.app/") {
			return &Owner{
				Tool: "Flagger", Name: "Canary " + ref.Name, Refuses: true,
				Marks:   []string{"it is owned by Canary " + ref.Name + " (" + ref.APIVersion + ")"},
				Instead: "change the Canary, which writes the object anew",
			}
		}
	}
	if mark := m.manager("flagger"); mark != "" {
		return &Owner{Tool: "Flagger", Marks: []string{mark}, Refuses: true, Instead: "change the Canary, which writes the object anew"}
	}
	return nil
}
