package route

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// index finds what concerns a host without comparing everything with
// everything. It is built once for a snapshot.
type index struct {
	s        *mesh.Snapshot
	services map[string]*core.Service // by host
	entries  []string                 // hosts in the cluster's domain that ServiceEntries stand for, as virtual machines have them
	slices   map[string][]*discovery.EndpointSlice
	pods     map[string][]*core.Pod // by namespace, label and value, of labels that services select by
	byName   map[string]*core.Pod   // by NAMESPACE/NAME
	byNS     map[string][]*core.Service

	sources   []*source            // objects with rules
	exact     map[string][]*source // those for the mesh, by host
	wild      []*source            // those with hosts that begin with *
	leading   map[string][]*source // objects bound to gateways, by the hosts that they lead to
	gateways  map[string][]*source // all objects bound to a gateway, by NAMESPACE/NAME
	delegates map[string]*source   // VirtualServices without hosts, by NAMESPACE/NAME
	backends  map[string][]string  // hosts that routes for a host name as backends

	rules   destinationRules
	objects map[mesh.Ref]metav1.Object
	config  meshConfig
	broken  []brokenObject
}

// brokenObject is one that could not be understood.
type brokenObject struct {
	why   string
	hosts []string // that stand anywhere in it, complete
}

// meshConfig is what of the mesh's configuration decides who sees an object.
type meshConfig struct {
	RootNamespace                  string   `json:"rootNamespace"`
	DefaultVirtualServiceExportTo  []string `json:"defaultVirtualServiceExportTo"`
	DefaultDestinationRuleExportTo []string `json:"defaultDestinationRuleExportTo"`
}

func newIndex(s *mesh.Snapshot) *index {
	x := &index{
		s: s, services: map[string]*core.Service{}, slices: map[string][]*discovery.EndpointSlice{},
		pods: map[string][]*core.Pod{}, byName: map[string]*core.Pod{}, byNS: map[string][]*core.Service{},
		exact: map[string][]*source{}, leading: map[string][]*source{}, gateways: map[string][]*source{},
		delegates: map[string]*source{}, backends: map[string][]string{}, objects: map[mesh.Ref]metav1.Object{},
		config: configOf(s),
	}
	selects := map[string]bool{}
	for _, svc := range s.Services {
		x.services[fqdn(svc.Namespace, svc.Name)] = svc
		x.byNS[svc.Namespace] = append(x.byNS[svc.Namespace], svc)
		x.objects[mesh.RefTo(mesh.Services, svc.Namespace, svc.Name)] = svc
		if key := anyKey(svc.Spec.Selector); key != "" {
			selects[key] = true
		}
	}
	for _, e := range s.EndpointSlices {
		h := fqdn(e.Namespace, e.Labels[discovery.LabelServiceName])
		x.slices[h] = append(x.slices[h], e)
	}
	for _, p := range s.Pods {
		x.byName[p.Namespace+"/"+p.Name] = p
		for key, value := range p.Labels {
			if selects[key] && !mesh.Done(p) {
				at := p.Namespace + "/" + key + "=" + value
				x.pods[at] = append(x.pods[at], p)
			}
		}
	}
	x.serviceEntries()
	x.virtualServices()
	x.apiRoutes()
	x.rules = x.mergeRules()
	x.sort()
	return x
}

// anyKey is one label of a selector, the same at every call.
func anyKey(selector map[string]string) string {
	first := ""
	for key := range selector {
		if first == "" || key < first {
			first = key
		}
	}
	return first
}

// configOf reads the mesh's configuration: of the default revision, else of
// the first. Without one Istio's defaults hold.
func configOf(s *mesh.Snapshot) meshConfig {
	c := meshConfig{RootNamespace: "istio-system"}
	planes := mesh.ControlPlanes(s)
	at := slices.IndexFunc(planes, func(p *mesh.ControlPlane) bool { return p.Revision == "default" && p.Mesh != nil })
	if at < 0 {
		at = slices.IndexFunc(planes, func(p *mesh.ControlPlane) bool { return p.Mesh != nil })
	}
	text := ""
	if at >= 0 {
		text = planes[at].Mesh.Data["mesh"]
	} else {
		// Nothing may tell of istiod itself where only routing was read.
		for _, m := range s.ConfigMaps {
			if m.Name == "istio" && m.Data["mesh"] != "" {
				text = m.Data["mesh"]
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &c); err != nil || c.RootNamespace == "" {
		c.RootNamespace = "istio-system"
	}
	return c
}

// file puts an object with rules where it is looked for.
func (x *index) file(src *source) {
	x.sources = append(x.sources, src)
	if slices.Contains(src.gateways, meshGateway) {
		isWild := false
		for _, h := range src.hosts {
			if wildcard(h) {
				isWild = true
				continue
			}
			h = strings.ToLower(h)
			if !slices.Contains(x.exact[h], src) {
				x.exact[h] = append(x.exact[h], src)
			}
		}
		if isWild {
			x.wild = append(x.wild, src)
		}
	}
	for _, gw := range src.gateways {
		if gw == meshGateway {
			continue
		}
		x.gateways[gw] = append(x.gateways[gw], src)
		for _, h := range src.leadsTo() {
			if !slices.Contains(x.leading[h], src) {
				x.leading[h] = append(x.leading[h], src)
			}
		}
	}
}

// sort puts objects into the order in which Istio takes them.
func (x *index) sort() {
	for _, m := range []map[string][]*source{x.exact, x.leading, x.gateways} {
		for _, list := range m {
			slices.SortFunc(list, older)
		}
	}
	slices.SortFunc(x.wild, older)
}

// unreadable notes an object that could not be understood.
func (x *index) unreadable(u *unstructured.Unstructured, err error) {
	x.broken = append(x.broken, brokenObject{
		why:   fmt.Sprintf("%s could not be understood: %v", refOf(u), err),
		hosts: hostsIn(u.Object["spec"], u.GetNamespace()),
	})
}

// hostsIn collects what may be a host in an object that could not be read.
func hostsIn(of any, namespace string) []string {
	var all []string
	switch of := of.(type) {
	case string:
		all = append(all, resolve(of, namespace))
	case []any:
		for _, e := range of {
			all = append(all, hostsIn(e, namespace)...)
		}
	case map[string]any:
		for _, e := range of {
			all = append(all, hostsIn(e, namespace)...)
		}
	}
	return all
}

// refOf names an object as it was read.
func refOf(u *unstructured.Unstructured) mesh.Ref {
	return mesh.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
}
