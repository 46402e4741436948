package cluster

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// owners reduces managedFields to who wrote, how and when, and, with fields,
// to which labels, selectors, failure policies and CA bundles each manager owns.
func owners(entries []metav1.ManagedFieldsEntry, fields bool) []metav1.ManagedFieldsEntry {
	var kept []metav1.ManagedFieldsEntry
	for _, e := range entries {
		k := metav1.ManagedFieldsEntry{Manager: e.Manager, Operation: e.Operation, Time: e.Time, Subresource: e.Subresource}
		if fields && e.FieldsV1 != nil {
			if raw := ownedFields(e.FieldsV1.Raw); raw != nil {
				k.FieldsType, k.FieldsV1 = "FieldsV1", &metav1.FieldsV1{Raw: raw}
			}
		}
		kept = append(kept, k)
	}
	return kept
}

// ownedFields keeps f:metadata.f:labels, and of each of f:webhooks the two
// selectors, f:failurePolicy and f:clientConfig.f:caBundle (the format is described in
// sigs.k8s.io/structured-merge-diff/v6, fieldpath/serialize-pe.go). It returns
// nil when there are none of them.
func ownedFields(raw []byte) []byte {
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil
	}
	kept := map[string]any{}
	if labels := child(child(all, "f:metadata"), "f:labels"); len(labels) > 0 {
		kept["f:metadata"] = map[string]any{"f:labels": labels}
	}
	webhooks := map[string]any{}
	for key, v := range child(all, "f:webhooks") {
		item, ok := v.(map[string]any)
		if !ok || !strings.HasPrefix(key, "k:") {
			continue
		}
		w := map[string]any{}
		for _, field := range []string{"f:namespaceSelector", "f:objectSelector", "f:failurePolicy"} {
			if v, ok := item[field]; ok {
				w[field] = v
			}
		}
		if ca, ok := child(item, "f:clientConfig")["f:caBundle"]; ok {
			w["f:clientConfig"] = map[string]any{"f:caBundle": ca}
		}
		if len(w) > 0 {
			webhooks[key] = w
		}
	}
	if len(webhooks) > 0 {
		kept["f:webhooks"] = webhooks
	}
	if len(kept) == 0 {
		return nil
	}
	out, err := json.Marshal(kept)
	if err != nil {
		return nil // what was just decoded can be encoded
	}
	return out
}

func child(m map[string]any, key string) map[string]any {
	c, _ := m[key].(map[string]any)
	return c
}
