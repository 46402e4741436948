//go:build sandbox

package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// routing is what the VirtualServices and DestinationRules of a namespace say, by kind and name: labels, annotations
// and spec, without the marks of who wrote last.
type routing map[string]map[string]any

// routingKinds is what kubectl and the API server call them.
func routingKinds() []string { return []string{"virtualservices", "destinationrules"} }

// routing reads a namespace's through kubectl, as anybody sees it.
func (w *world) routing(namespace string) (routing, error) {
	out, err := w.sandbox.Kubectl(w.ctx, "-n", namespace, "get", strings.Join(routingKinds(), ","), "-o", "json")
	if err != nil {
		return nil, err
	}
	var list unstructured.UnstructuredList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	all := routing{}
	for i := range list.Items {
		all.put(&list.Items[i])
	}
	return all, nil
}

// place is where a script's commands write, and the script that makes what is there before.
type place struct {
	ts                 *testscript.TestScript
	ns, service, begin string
}

// placeOf is namespace shop and service reviews, unless the options ns:, svc: and begin: say otherwise.
func placeOf(ts *testscript.TestScript, o options) place {
	at := place{ts: ts, ns: "shop", service: "reviews", begin: o.settings["begin"]}
	if ns, ok := o.settings["ns"]; ok {
		at.ns = ns
	}
	if svc, ok := o.settings["svc"]; ok {
		at.service = svc
	}
	return at
}

// afresh deletes all routing of a namespace and a service's history, runs the script that makes anew what there is to
// be, and looks.
func (w *world) afresh(at place) (routing, error) {
	history := "mesh-route-history-" + at.service
	for _, gone := range [][]string{{strings.Join(routingKinds(), ","), "--all"}, {"configmap", history}} {
		args := append([]string{"-n", at.ns, "delete", "--ignore-not-found"}, gone...)
		if _, err := w.sandbox.Kubectl(w.ctx, args...); err != nil {
			return nil, err
		}
	}
	if at.begin != "" {
		if err := w.bash(at.ts, at.begin); err != nil {
			return nil, err
		}
	}
	return w.routing(at.ns)
}

// settled holds that a service's history calls nothing pending.
func (w *world) settled(at place) error {
	out, err := w.shell(at.ts, "kubectl mesh route history "+at.service+" -n "+at.ns)
	if err == nil && strings.Contains(out, "pending") {
		err = fmt.Errorf("the history still calls a change pending\n%s", out)
	}
	return err
}

// put adds an object, or replaces it.
func (r routing) put(o *unstructured.Unstructured) { r[objectKey(o)] = said(o) }

func objectKey(o *unstructured.Unstructured) string { return o.GetKind() + "/" + o.GetName() }

// said is what an object says.
func said(o *unstructured.Unstructured) map[string]any {
	annotations := o.GetAnnotations()
	for _, mark := range []string{"mesh.kubectl/route-change", core.LastAppliedConfigAnnotation} {
		delete(annotations, mark)
	}
	all := map[string]any{"spec": o.Object["spec"]}
	if len(annotations) > 0 {
		all["annotations"] = annotations
	}
	if labels := o.GetLabels(); len(labels) > 0 {
		all["labels"] = labels
	}
	return all
}

// dangling lists the versions that rules send requests to and no DestinationRule defines.
func (r routing) dangling() []string {
	defined := map[string]bool{}
	for key, o := range r {
		spec, _ := o["spec"].(map[string]any)
		if !strings.HasPrefix(key, "DestinationRule/") {
			continue
		}
		for _, s := range maplist(spec["subsets"]) {
			defined[fmt.Sprint(shortHost(spec["host"]), " ", s["name"])] = true
		}
	}
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(r)) {
		spec, _ := r[key]["spec"].(map[string]any)
		for _, field := range []string{"http", "tcp", "tls"} {
			for _, rule := range maplist(spec[field]) {
				to := append(maplist(rule["route"]), maplist(rule["mirrors"])...)
				for _, d := range append(to, map[string]any{"destination": rule["mirror"]}) {
					destination, _ := d["destination"].(map[string]any)
					name := fmt.Sprint(shortHost(destination["host"]), " ", destination["subset"])
					if destination["subset"] != nil && !defined[name] {
						missing = append(missing, key+" names "+name)
					}
				}
			}
		}
	}
	return missing
}

// whole is nil where no rule names a version that is not there.
func (r routing) whole(when string) error {
	if missing := r.dangling(); missing != nil {
		return fmt.Errorf("%s: %s", when, strings.Join(missing, ", "))
	}
	return nil
}

// is is nil where the routing is one of these.
func (r routing) is(when string, legal ...routing) error {
	for _, l := range legal {
		if cmp.Equal(l, r) {
			return nil
		}
	}
	text := when + ": the routing is none that it may be"
	for i, l := range legal {
		text += fmt.Sprintf("\n%d of %d (- may be, + is):\n%s", i+1, len(legal), cmp.Diff(l, r))
	}
	return finalError{fmt.Errorf("%s", text)}
}

// shortHost is a host without the namespace, which is the same one in all that is compared.
func shortHost(host any) string {
	name, _, _ := strings.Cut(fmt.Sprint(host), ".")
	return name
}

func maplist(v any) []map[string]any {
	list, _ := v.([]any)
	var all []map[string]any
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}
