package checks

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// patchOp is one operation of a JSON patch (RFC 6902).
type patchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// set puts a value at a field of a webhook, whether there is one or not.
func (h injectorHook) set(field string, value any) patchOp {
	return patchOp{"add", h.path(strings.ReplaceAll(field, ".", "/")), value}
}

// patchHooks is the command that changes webhooks of one configuration. Each
// change is guarded by the webhook's name: where the list was reordered in the
// meantime the patch is refused as a whole.
func patchHooks(say string, hooks []injectorHook, change func(injectorHook) []patchOp) diagnose.Step {
	var ops []patchOp
	for _, h := range hooks {
		ops = append(ops, patchOp{"test", h.path("name"), h.hook().Name})
		ops = append(ops, change(h)...)
	}
	return diagnose.Step{
		Run:  kubectl("", "patch", "mutatingwebhookconfiguration", hooks[0].config.Name, "--type=json", "-p", asJSON(ops)),
		Say:  say,
		Kind: diagnose.StepOther,
	}
}

// fieldsOf lists a field of several webhooks: "webhooks[0,2].failurePolicy".
func fieldsOf(hooks []injectorHook, name string) string {
	if len(hooks) == 1 {
		return hooks[0].field(name)
	}
	var at []string
	for _, h := range hooks {
		at = append(at, fmt.Sprint(h.index))
	}
	return "webhooks[" + strings.Join(at, ",") + "]." + name
}

// hookNames lists webhooks by name.
func hookNames(hooks []injectorHook) string {
	var names []string
	for _, h := range hooks {
		names = append(names, h.hook().Name)
	}
	return list(names)
}

// writer is who last wrote a field of an object, and when.
type writer struct {
	manager string
	time    time.Time
}

// String is a piece of evidence: "last written by argocd-controller at …".
func (w writer) String() string {
	return "last written by " + w.manager + " at " + w.time.UTC().Format(time.RFC3339)
}

// lastWriter finds in managedFields who last wrote one of some fields, by their
// names alone ("caBundle"); ok is false where nobody claims them.
func lastWriter(o *metav1.ObjectMeta, fields ...string) (writer, bool) {
	var last writer
	for _, m := range o.ManagedFields {
		claims := func(field string) bool { return bytes.Contains(m.FieldsV1.Raw, []byte(`"f:`+field+`"`)) }
		if m.FieldsV1 == nil || m.Time == nil || !slices.ContainsFunc(fields, claims) {
			continue
		}
		w := writer{m.Manager, m.Time.Time}
		if cmp.Or(w.time.Compare(last.time), strings.Compare(w.manager, last.manager)) > 0 {
			last = w
		}
	}
	return last, last.manager != ""
}

// byConfig groups webhooks by their configuration, in order.
func byConfig(hooks []injectorHook) [][]injectorHook {
	var groups [][]injectorHook
	for _, h := range hooks {
		if n := len(groups); n > 0 && groups[n-1][0].config == h.config {
			groups[n-1] = append(groups[n-1], h)
			continue
		}
		groups = append(groups, []injectorHook{h})
	}
	return groups
}

// withHooks keeps the active injection webhooks that a condition holds for,
// grouped by configuration.
func withHooks(hooks []injectorHook, holds func(*admissionv1.MutatingWebhook) bool) [][]injectorHook {
	return byConfig(slices.DeleteFunc(slices.Clone(hooks), func(h injectorHook) bool {
		return !h.active() || !holds(h.hook())
	}))
}
