package route

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// draft is an object in the making: a copy of what is there, edited field by
// field, so that what this program does not know stays.
type draft struct {
	kind   mesh.Kind
	ref    mesh.Ref
	before *unstructured.Unstructured // nil where it is made
	after  *unstructured.Unstructured // nil where it is taken away
	why    []string                   // each change in words

	read map[string][]map[string]any // the lists of rules in after, as they were read
}

// newDraft is an object that is not there yet.
func newDraft(kind mesh.Kind, namespace, name string, spec map[string]any) *draft {
	ref := mesh.RefTo(kind, namespace, name)
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetAPIVersion(ref.APIVersion)
	u.SetKind(ref.Kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetLabels(map[string]string{managedByLabel: ManagedBy})
	return &draft{kind: kind, ref: ref, after: u}
}

// draftOf is a copy of an object that is there.
func draftOf(kind mesh.Kind, u *unstructured.Unstructured) *draft {
	d := &draft{kind: kind, ref: refOf(u), before: u, after: u.DeepCopy(), read: map[string][]map[string]any{}}
	for _, list := range ruleLists() {
		d.read[list] = d.items(list)
	}
	return d
}

// ruleLists are the lists of rules of a VirtualService, and that of a route of
// Gateway API.
func ruleLists() []string { return []string{"http", "tls", "tcp", "rules"} }

// ruleRead is the rule that stood at this place when the object was read, to be
// edited in place; nil where it is gone, or there was none.
func (d *draft) ruleRead(list string, at int) map[string]any {
	if d.after == nil || at >= len(d.read[list]) {
		return nil
	}
	raw := d.read[list][at]
	if !slices.ContainsFunc(d.items(list), func(m map[string]any) bool { return sameMap(m, raw) }) {
		return nil
	}
	return raw
}

// spec is the object's spec, to be edited in place.
func (d *draft) spec() map[string]any {
	spec, ok := d.after.Object["spec"].(map[string]any)
	if !ok {
		spec = map[string]any{}
		d.after.Object["spec"] = spec
	}
	return spec
}

// items are the objects of a list of the spec, to be edited in place.
func (d *draft) items(field string) []map[string]any { return itemsOf(d.spec(), field) }

func itemsOf(of map[string]any, field string) []map[string]any {
	list, _ := of[field].([]any)
	var all []map[string]any
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// setItems writes a list; an empty one goes.
func setItems(of map[string]any, field string, items []map[string]any) {
	if len(items) == 0 {
		delete(of, field)
		return
	}
	list := make([]any, len(items))
	for i, m := range items {
		list[i] = m
	}
	of[field] = list
}

// ours reports whether a plan made the whole object.
func (d *draft) ours() bool {
	o := d.after
	if o == nil {
		o = d.before
	}
	return o.GetLabels()[managedByLabel] == ManagedBy
}

// made lists what plans have added to the object.
func (d *draft) made() []string {
	text := d.after.GetAnnotations()[RouteMade]
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// madeHere reports whether a plan added what is called so.
func (d *draft) madeHere(name string) bool {
	return name != "" && (d.ours() || slices.Contains(d.made(), name))
}

// mark notes that a plan added this to somebody else's object.
func (d *draft) mark(name string) {
	if d.ours() || slices.Contains(d.made(), name) {
		return
	}
	d.annotate(RouteMade, strings.Join(append(d.made(), name), ","))
}

// unmark takes the note back.
func (d *draft) unmark(name string) {
	left := slices.DeleteFunc(d.made(), func(n string) bool { return n == name })
	d.annotate(RouteMade, strings.Join(left, ","))
}

// annotate sets an annotation; empty takes it away.
func (d *draft) annotate(key, value string) {
	all := d.after.GetAnnotations()
	if all[key] == value {
		return
	}
	if all == nil {
		all = map[string]string{}
	}
	all[key] = value
	if value == "" {
		delete(all, key)
	}
	if len(all) == 0 {
		all = nil
	}
	d.after.SetAnnotations(all)
}

// because notes a change in words.
func (d *draft) because(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(d.why, text) {
		d.why = append(d.why, text)
	}
}

// child is an object in an object, made where it is not there.
func child(of map[string]any, fields ...string) map[string]any {
	for _, f := range fields {
		next, ok := of[f].(map[string]any)
		if !ok {
			next = map[string]any{}
			of[f] = next
		}
		of = next
	}
	return of
}

// prune takes a field away, and then the objects on the way to it that are
// empty without it.
func prune(of map[string]any, fields ...string) {
	if len(fields) == 1 {
		delete(of, fields[0])
		return
	}
	inner, ok := of[fields[0]].(map[string]any)
	if !ok {
		return
	}
	prune(inner, fields[1:]...)
	if len(inner) == 0 {
		delete(of, fields[0])
	}
}
