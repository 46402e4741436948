package cmd

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// target is what the user asked about: a namespace or all, workloads by name,
// or by the labels of their pods.
type target struct {
	namespace string // empty: all
	names     []typeName
	selector  labels.Selector
}

// String names what was asked about; empty for everything.
func (t target) String() string {
	var parts []string
	if t.namespace != "" {
		parts = append(parts, "namespace "+t.namespace)
	}
	for _, n := range t.names {
		parts = append(parts, n.String())
	}
	if t.selector != nil {
		parts = append(parts, "selector "+t.selector.String())
	}
	return strings.Join(parts, ", ")
}

// typeName is one TYPE/NAME, the type in its full singular form and lower case.
type typeName struct{ kind, name string }

// String is the name as kubectl takes it: "deployment/web".
func (n typeName) String() string { return n.kind + "/" + n.name }

// shortTypes are the short and plural names that kubectl knows.
func shortTypes() map[string]string {
	return map[string]string{
		"po": "pod", "pods": "pod", "deploy": "deployment", "deployments": "deployment",
		"sts": "statefulset", "statefulsets": "statefulset", "ds": "daemonset", "daemonsets": "daemonset",
		"rs": "replicaset", "replicasets": "replicaset", "jobs": "job", "cj": "cronjob", "cronjobs": "cronjob",
		"svc": "service", "services": "service", "ns": "namespace", "namespaces": "namespace", "rollouts": "rollout",
	}
}

// parseNames reads TYPE/NAME arguments, or TYPE NAME… as kubectl takes them.
func parseNames(args []string) ([]typeName, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if !strings.Contains(args[0], "/") {
		if len(args) == 1 {
			return nil, fmt.Errorf("%q: name a workload as TYPE/NAME, for example deployment/%s", args[0], args[0])
		}
		var names []typeName
		for _, name := range args[1:] {
			if strings.Contains(name, "/") {
				return nil, fmt.Errorf("%q: use either TYPE NAME or TYPE/NAME", name)
			}
			names = append(names, typeName{fullType(args[0]), name})
		}
		return names, nil
	}
	var names []typeName
	for _, a := range args {
		kind, name, ok := strings.Cut(a, "/")
		if !ok || kind == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%q is not TYPE/NAME, for example deployment/web", a)
		}
		names = append(names, typeName{fullType(kind), name})
	}
	return names, nil
}

// fullType strips the group of a type ("deployments.apps") and spells it out.
func fullType(t string) string {
	t, _, _ = strings.Cut(strings.ToLower(t), ".")
	if full, ok := shortTypes()[t]; ok {
		return full
	}
	return t
}

// reads lists the namespaces to read; nil for all.
func (t target) reads() []string {
	var names []string
	for _, n := range t.names {
		if n.kind == "namespace" {
			names = append(names, n.name)
		}
	}
	if t.namespace != "" && len(names) < max(1, len(t.names)) {
		names = append(names, t.namespace)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// scope finds what was named in the snapshot. A name that is not there is an
// error, unless the kind that would hold it could not be read.
func (t target) scope(s *mesh.Snapshot) (diagnose.Scope, error) {
	sc := diagnose.Scope{Namespaces: t.reads()}
	for _, ns := range sc.Namespaces {
		if err := mustExist(s, ns); err != nil {
			return sc, err
		}
	}
	var wanted map[mesh.Ref]bool
	if len(t.names) > 0 {
		wanted = map[mesh.Ref]bool{}
		for _, n := range t.names {
			hit := t.find(s, n)
			if len(hit) == 0 && n.kind != "namespace" {
				return sc, fmt.Errorf("%s not found in namespace %q, or it has no pods and no pod template", n, t.namespace)
			}
			for _, ref := range hit {
				wanted[ref] = true
			}
			sc.Named = sc.Named || n.kind != "namespace"
		}
	}
	if wanted == nil && t.selector == nil {
		return sc, nil
	}
	sc.Workloads = func(w *mesh.Workload) bool {
		return (wanted == nil || wanted[w.Ref]) && (t.selector == nil || t.selector.Matches(labels.Set(w.Template.Labels)))
	}
	if t.selector != nil && !slices.ContainsFunc(mesh.Workloads(s), func(w *mesh.Workload) bool { return sc.Has(w.Ref.Namespace) && sc.Workloads(w) }) {
		return sc, fmt.Errorf("no workload that you may see has pods with the labels %s", t.selector) // "all is well" would mislead
	}
	return sc, nil
}

func mustExist(s *mesh.Snapshot, namespace string) error {
	if s.Files || !s.Complete(mesh.Namespaces, "") {
		return nil
	}
	if slices.ContainsFunc(s.Namespaces, func(ns *core.Namespace) bool { return ns.Name == namespace }) {
		return nil
	}
	return fmt.Errorf("namespace %q not found", namespace)
}

// find returns the workloads that a name stands for: the workload itself, that
// of a pod, those behind a service, all of a namespace.
func (t target) find(s *mesh.Snapshot, n typeName) []mesh.Ref {
	var refs []mesh.Ref
	for _, w := range mesh.Workloads(s) {
		in := w.Ref.Namespace == t.namespace
		switch n.kind {
		case "namespace":
			in = w.Ref.Namespace == n.name
		case "service":
			in = in && behind(s, t.namespace, n.name, w)
		case "pod":
			in = in && (w.Ref.Kind == "Pod" && w.Ref.Name == n.name ||
				slices.ContainsFunc(w.Pods, func(p *core.Pod) bool { return p.Name == n.name }))
		default:
			in = in && strings.ToLower(w.Ref.Kind) == n.kind && w.Ref.Name == n.name
		}
		if in {
			refs = append(refs, w.Ref)
		}
	}
	return refs
}

func behind(s *mesh.Snapshot, namespace, service string, w *mesh.Workload) bool {
	for _, svc := range s.Services {
		if svc.Namespace == namespace && svc.Name == service && len(svc.Spec.Selector) > 0 {
			return labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(w.Template.Labels))
		}
	}
	return false
}
