//go:build sandbox

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// received is what a Deployment's proxy has, once it no longer changes.
func (w *world) received(namespace, deployment string) (map[string]any, error) {
	var last map[string]any
	err := w.retry(func() error {
		now, err := w.dumped(namespace, deployment)
		if err == nil && !reflect.DeepEqual(now, last) {
			err = errors.New("what the proxy has still changes")
		}
		last = now
		return err
	})
	return last, err
}

// dumped is what a Deployment's proxy has of the services of a namespace: the routes of their virtual hosts, what stands
// in the gateway's TCP listener, and the clusters to which those lead, with the services' own. What only names things is
// left out.
func (w *world) dumped(namespace, deployment string) (map[string]any, error) {
	proxies, err := w.sandbox.ProxyStatuses(w.ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range proxies {
		if (p.Namespace == namespace || p.Namespace == "istio-system") && strings.HasPrefix(p.Name, deployment+"-") {
			return w.dumpedOf(namespace, p.Namespace, p.Name)
		}
	}
	return nil, fmt.Errorf("no proxy of %s", deployment)
}

func (w *world) dumpedOf(namespace, podNamespace, pod string) (map[string]any, error) {
	got := map[string]any{}
	configs := func(resource string) ([]map[string]any, error) {
		text, err := w.sandbox.ProxyDump(w.ctx, podNamespace, pod, "resource="+resource)
		if err != nil {
			return nil, err
		}
		var dump struct{ Configs []map[string]any }
		return dump.Configs, json.Unmarshal(text, &dump)
	}
	routes, err := configs("dynamic_route_configs")
	if err != nil {
		return nil, err
	}
	for _, c := range routes {
		config, _ := c["route_config"].(map[string]any)
		for _, host := range maplist(config["virtual_hosts"]) {
			if name := fmt.Sprint(host["name"]); strings.Contains(name, "."+namespace+".svc.") {
				for _, r := range maplist(host["routes"]) {
					delete(r, "name")
				}
				got[fmt.Sprint("routes ", config["name"], " ", name)] = plain(host["routes"])
			}
		}
	}
	listeners, err := configs("dynamic_listeners")
	if err != nil {
		return nil, err
	}
	for _, c := range listeners {
		active, _ := c["active_state"].(map[string]any)
		listener, _ := active["listener"].(map[string]any)
		if name := fmt.Sprint(listener["name"]); podNamespace != namespace { // a gateway's
			got["listener "+name] = plain(listener["filter_chains"])
		}
	}
	clusters, err := configs("dynamic_active_clusters")
	if err != nil {
		return nil, err
	}
	named := fmt.Sprint(got)
	for _, c := range clusters {
		cluster, _ := c["cluster"].(map[string]any)
		name := fmt.Sprint(cluster["name"])
		if strings.HasSuffix(name, "."+namespace+".svc.cluster.local") && (strings.Contains(name, "||") || strings.Contains(named, name)) {
			got["cluster "+name] = plain(cluster)
		}
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("proxy %s/%s has nothing of namespace %s", podNamespace, pod, namespace)
	}
	return got, nil
}

// plain is a part of Envoy's configuration without what names the objects that it was made of, weighted clusters in the
// order of their names, and a single one, which gets everything, without its weight.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		n := map[string]any{}
		for key, value := range v {
			if !slices.Contains([]string{"metadata", "decorator", "stat_prefix"}, key) {
				n[key] = plain(value)
			}
		}
		if weighted, ok := n["weighted_clusters"].(map[string]any); ok {
			if list, _ := weighted["clusters"].([]map[string]any); len(list) == 1 {
				delete(n, "weighted_clusters")
				n["cluster"] = list[0]["name"]
			}
		}
		if list := maplist(n["clusters"]); list != nil {
			slices.SortFunc(list, func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a["name"]), fmt.Sprint(b["name"])) })
			n["clusters"] = list
		}
		return n
	case []any:
		n := make([]any, len(v))
		for i, value := range v {
			n[i] = plain(value)
		}
		return n
	}
	return v
}
