package route

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// tcp gives versions shares of the connections that come in at a port of a
// gateway.
func (p *planner) tcp(t TCP) error {
	if t.Gateway == "" || t.Port <= 0 {
		return errors.New("a gateway and one of its ports are needed: --gateway NAME --port PORT")
	}
	gw := resolveGateway(t.Gateway, p.view.Service.Namespace)
	if t.Clear {
		return p.clearTCP(gw, t)
	}
	if len(t.Set) == 0 {
		return errors.New("no version is given a share: v1=80 v2=20")
	}
	server, err := p.tcpServer(gw, t)
	if err != nil {
		return err
	}
	r, found := p.tcpRule(gw, t.Port)
	if !found {
		if r, err = p.makeTCPRule(gw, server, t); err != nil {
			return err
		}
	}
	return p.shiftRule(r, tcpShares(t))
}

// tcpShares are the shares of all versions: one alone gets everything.
func tcpShares(t TCP) Shift {
	if len(t.Set) == 1 && t.Set[0].Percent == 100 {
		return Shift{To: t.Set[0].Version}
	}
	return Shift{Set: t.Set}
}

// tcpServer is the server of the gateway that listens at the port.
func (p *planner) tcpServer(gw string, t TCP) (map[string]any, error) {
	ns, name, _ := strings.Cut(gw, "/")
	var u *unstructured.Unstructured
	for _, g := range p.snapshot.Config[mesh.Gateways] {
		if g.GetNamespace() == ns && g.GetName() == name {
			u = g
		}
	}
	if u == nil {
		return nil, &RefusedError{
			Absent:  true,
			Why:     fmt.Sprintf("there is no Gateway %s", gw),
			Instead: "make it first (the selector is that of your ingress gateway's pods):\n" + gatewayYAML(ns, name, t.Port),
		}
	}
	spec, _ := u.Object["spec"].(map[string]any)
	var ports []string
	for _, s := range itemsOf(spec, "servers") {
		port, _ := s["port"].(map[string]any)
		protocol := strings.ToUpper(text(port, "protocol"))
		if whole(port["number"]) != int64(t.Port) {
			ports = append(ports, fmt.Sprintf("%d (%s)", whole(port["number"]), protocol))
			continue
		}
		if !slices.Contains([]string{"TCP", "MONGO", "MYSQL", "REDIS"}, protocol) && !(protocol == "TLS" && text(child(deepCopy(s).(map[string]any), "tls"), "mode") != "PASSTHROUGH") {
			return nil, fmt.Errorf("port %d of Gateway %s is %s: TCP rules hold for ports that are TCP", t.Port, gw, protocol)
		}
		return s, nil
	}
	return nil, &RefusedError{
		Absent: true,
		Why:    fmt.Sprintf("Gateway %s does not listen at port %d (it does at %s)", gw, t.Port, inWords(ports, "and")),
		Instead: "add this to its spec.servers, and the port to its Service:\n" +
			yamlOf([]any{tcpServer(t.Port)}),
	}
}

// tcpRule finds the rule for a port of a gateway that leads to the service, or
// that is alone at the port.
func (p *planner) tcpRule(gw string, port int32) (ruleAt, bool) {
	for _, u := range p.snapshot.Config[mesh.VirtualServices] {
		spec, _ := u.Object["spec"].(map[string]any)
		if !slices.Contains(gatewaysOf(spec, u.GetNamespace()), gw) {
			continue
		}
		for i, raw := range itemsOf(spec, "tcp") {
			if !matchesPort(raw, port) || !p.leadsRaw(raw, u.GetNamespace()) {
				continue
			}
			d := p.open(mesh.VirtualServices, u.GetNamespace(), u.GetName())
			r := ruleAt{scope: "gateway/" + gw, draft: d, list: "tcp", raw: d.ruleRead("tcp", i), place: i + 1}
			r.view = Rule{From: d.ref, Field: fmt.Sprintf("spec.tcp[%d]", i), Protocol: "tcp"}
			return r, true
		}
	}
	return ruleAt{}, false
}

func gatewaysOf(spec map[string]any, namespace string) []string {
	var all []string
	names, _ := spec["gateways"].([]any)
	for _, n := range names {
		if name, ok := n.(string); ok {
			all = append(all, resolveGateway(name, namespace))
		}
	}
	return all
}

func matchesPort(raw map[string]any, port int32) bool {
	return slices.ContainsFunc(itemsOf(raw, "match"), func(m map[string]any) bool { return whole(m["port"]) == int64(port) })
}

func (p *planner) leadsRaw(raw map[string]any, namespace string) bool {
	return slices.ContainsFunc(itemsOf(raw, p.toField()), func(e map[string]any) bool {
		host, _ := p.destinationAt(e, namespace)
		return host == p.view.Host
	})
}

// makeTCPRule adds a rule for the port, to an object of ours for this gateway
// or to a new one.
func (p *planner) makeTCPRule(gw string, server map[string]any, t TCP) (ruleAt, error) {
	port, err := p.tcpPort(t.Port)
	if err != nil {
		return ruleAt{}, err
	}
	to := map[string]any{"host": p.view.Host, "port": map[string]any{"number": int64(port)}}
	raw := map[string]any{
		"match": []any{map[string]any{"port": int64(t.Port)}},
		"route": []any{map[string]any{"destination": to}},
	}
	ns := p.view.Service.Namespace
	var d *draft
	for _, u := range p.snapshot.Config[mesh.VirtualServices] {
		spec, _ := u.Object["spec"].(map[string]any)
		if u.GetNamespace() == ns && u.GetLabels()[managedByLabel] == ManagedBy && slices.Equal(gatewaysOf(spec, ns), []string{gw}) && p.leadsAny(spec, ns) {
			d = p.open(mesh.VirtualServices, ns, u.GetName())
		}
	}
	if d == nil {
		d = p.create(mesh.VirtualServices, p.view.Service.Name, "tcp", map[string]any{"hosts": serverHosts(server), "gateways": []any{gw}})
	}
	setItems(d.spec(), "tcp", append(d.items("tcp"), raw))
	d.because("makes a rule for port %d of Gateway %s", t.Port, gw)
	r := ruleAt{scope: "gateway/" + gw, draft: d, list: "tcp", raw: raw, place: len(d.items("tcp"))}
	r.view = Rule{From: d.ref, Protocol: "tcp", Matches: []Match{{Conditions: []Condition{{What: "port", How: "exact", Value: fmt.Sprint(t.Port)}}}}}
	p.created = append(p.created, r)
	return r, nil
}

// leadsAny reports whether a tcp rule of a spec leads to the service.
func (p *planner) leadsAny(spec map[string]any, namespace string) bool {
	return slices.ContainsFunc(itemsOf(spec, "tcp"), func(raw map[string]any) bool { return p.leadsRaw(raw, namespace) })
}

// serverHosts are the hosts of a Gateway's server as a VirtualService names
// them: without the namespaces that may bind to it.
func serverHosts(server map[string]any) []any {
	hosts, _ := server["hosts"].([]any)
	var all []any
	for _, h := range hosts {
		name, _ := h.(string)
		if _, after, ok := strings.Cut(name, "/"); ok {
			name = after
		}
		if name == "*" {
			return []any{"*"}
		}
		all = append(all, name)
	}
	return all
}

// tcpPort is the service's port that connections go to: the gateway's number
// where it has that, the only one, or the first that is TCP.
func (p *planner) tcpPort(number int32) (int32, error) {
	var tcp []int32
	for _, port := range p.view.Ports {
		if port.Number == number {
			return number, nil
		}
		if port.tcp() {
			tcp = append(tcp, port.Number)
		}
	}
	switch {
	case len(tcp) == 0:
		return 0, fmt.Errorf("service %s has no TCP port: use route shift for HTTP", p.view.Service.Name)
	case len(tcp) > 1:
		p.note("connections go to port %d of the service, its first that is TCP", tcp[0])
	}
	return tcp[0], nil
}

// clearTCP takes the rule for a gateway's port away.
func (p *planner) clearTCP(gw string, t TCP) error {
	r, found := p.tcpRule(gw, t.Port)
	if !found {
		return nil
	}
	d := r.draft
	setItems(d.spec(), "tcp", slices.DeleteFunc(d.items("tcp"), func(m map[string]any) bool { return sameMap(m, r.raw) }))
	d.because("removes the rule for port %d of Gateway %s", t.Port, gw)
	return p.emptied(d)
}
