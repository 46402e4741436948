package route

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// gatewayTCP gives versions shares of the connections that come in at a port of
// a gateway.
func (p *planner) gatewayTCP(t TCP) error {
	if t.Gateway == "" || t.Port <= 0 {
		return errors.New("a gateway and one of its ports are needed: --gateway NAME --port PORT")
	}
	if t.Clear {
		return p.clearTCPRoute(t)
	}
	if len(t.Set) == 0 {
		return errors.New("no version is given a share: v1=80 v2=20")
	}
	listener, err := p.tcpListener(t)
	if err != nil {
		return err
	}
	p.alphaRoutes()
	r, found := p.tcpRouteRule(t, listener)
	if !found {
		if r, err = p.makeTCPRoute(t, listener); err != nil {
			return err
		}
	}
	return p.shiftRule(r, tcpShares(t))
}

// tcpListener is the name of the gateway's TCP listener at the port.
func (p *planner) tcpListener(t TCP) (string, error) {
	gw := resolveGateway(t.Gateway, p.view.Service.Namespace)
	ns, name, _ := strings.Cut(gw, "/")
	at := slices.IndexFunc(p.snapshot.Config[mesh.KubernetesGateways], func(u *unstructured.Unstructured) bool {
		return u.GetNamespace() == ns && u.GetName() == name
	})
	if at < 0 {
		return "", &RefusedError{
			Absent: true,
			Why:    fmt.Sprintf("there is no Gateway %s of Gateway API", gw),
			Instead: "make it first:\n" + yamlOf(map[string]any{
				"apiVersion": gatewayGroup + "v1", "kind": "Gateway", "metadata": map[string]any{"name": name, "namespace": ns},
				"spec": map[string]any{"gatewayClassName": "istio", "listeners": []any{gatewayListener(t.Port)}},
			}),
		}
	}
	spec, _ := p.snapshot.Config[mesh.KubernetesGateways][at].Object["spec"].(map[string]any)
	var ports []string
	for _, l := range itemsOf(spec, "listeners") {
		if whole(l["port"]) != int64(t.Port) {
			ports = append(ports, fmt.Sprintf("%d (%s)", whole(l["port"]), text(l, "protocol")))
			continue
		}
		if protocol := text(l, "protocol"); protocol != "TCP" {
			return "", fmt.Errorf("port %d of Gateway %s is %s: TCPRoutes hold for listeners of protocol TCP", t.Port, gw, protocol)
		}
		return text(l, "name"), nil
	}
	return "", &RefusedError{
		Absent:  true,
		Why:     fmt.Sprintf("Gateway %s does not listen at port %d (it does at %s)", gw, t.Port, inWords(ports, "and")),
		Instead: "add this to its spec.listeners:\n" + yamlOf([]any{gatewayListener(t.Port)}),
	}
}

// gatewayListener listens for TCP at a port.
func gatewayListener(port int32) map[string]any {
	return map[string]any{
		"name": fmt.Sprintf("tcp-%d", port), "port": int64(port), "protocol": "TCP",
		"allowedRoutes": map[string]any{"kinds": []any{map[string]any{"kind": "TCPRoute"}}},
	}
}

// tcpRouteRule finds the rule of a TCPRoute that is bound to the listener and
// leads to the service.
func (p *planner) tcpRouteRule(t TCP, listener string) (ruleAt, bool) {
	gw := resolveGateway(t.Gateway, p.view.Service.Namespace)
	for _, u := range p.snapshot.Config[mesh.TCPRoutes] {
		spec, _ := u.Object["spec"].(map[string]any)
		bound := slices.ContainsFunc(itemsOf(spec, "parentRefs"), func(ref map[string]any) bool {
			ns := text(ref, "namespace")
			if ns == "" {
				ns = u.GetNamespace()
			}
			section := text(ref, "sectionName")
			return text(ref, "kind") != "Service" && ns+"/"+text(ref, "name") == gw &&
				(section == "" || section == listener) && (whole(ref["port"]) == 0 || whole(ref["port"]) == int64(t.Port))
		})
		for i, raw := range itemsOf(spec, "rules") {
			leads := slices.ContainsFunc(itemsOf(raw, "backendRefs"), func(e map[string]any) bool {
				_, ours := p.versionAt(backendAt(e, u.GetNamespace()))
				return ours
			})
			if !bound || !leads {
				continue
			}
			d := p.open(mesh.TCPRoutes, u.GetNamespace(), u.GetName())
			r := ruleAt{scope: "gateway/" + gw, draft: d, list: "rules", raw: d.ruleRead("rules", i), place: i + 1}
			r.view = Rule{From: d.ref, Field: ruleField(i), Protocol: "tcp"}
			return r, true
		}
	}
	return ruleAt{}, false
}

// makeTCPRoute makes a route for the listener, which can have one alone.
func (p *planner) makeTCPRoute(t TCP, listener string) (ruleAt, error) {
	port, err := p.tcpPort(t.Port)
	if err != nil {
		return ruleAt{}, err
	}
	gw := resolveGateway(t.Gateway, p.view.Service.Namespace)
	ns, name, _ := strings.Cut(gw, "/")
	parent := map[string]any{"name": name, "sectionName": listener}
	if ns != p.view.Service.Namespace {
		parent["namespace"] = ns
	}
	raw := map[string]any{"backendRefs": []any{map[string]any{"name": p.view.Service.Name, "port": int64(port)}}}
	d := p.create(mesh.TCPRoutes, p.view.Service.Name, "tcp", map[string]any{"parentRefs": []any{parent}, "rules": []any{raw}})
	d.because("makes a route for port %d of Gateway %s", t.Port, gw)
	r := ruleAt{scope: "gateway/" + gw, draft: d, list: "rules", raw: raw, place: 1, view: Rule{From: d.ref, Protocol: "tcp"}}
	p.created = append(p.created, r)
	return r, nil
}

// clearTCPRoute takes the rule for a gateway's port away.
func (p *planner) clearTCPRoute(t TCP) error {
	listener, err := p.tcpListener(t)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return nil // nothing can be bound to it
	}
	if err != nil {
		return err
	}
	r, found := p.tcpRouteRule(t, listener)
	if !found {
		return nil
	}
	d := r.draft
	setItems(d.spec(), "rules", slices.DeleteFunc(d.items("rules"), func(m map[string]any) bool { return sameMap(m, r.raw) }))
	d.because("removes the rule for port %d of Gateway %s", t.Port, t.Gateway)
	return p.emptied(d)
}

// emptied takes an object of ours away that has no rule any more, and refuses to
// leave one of others so.
func (p *planner) emptied(d *draft) error {
	for _, list := range ruleLists() {
		if len(d.items(list)) > 0 {
			return nil
		}
	}
	if !d.ours() {
		return &RefusedError{
			Why:     fmt.Sprintf("%s would have no rule any more, and kubectl mesh did not make it", d.ref),
			Instead: fmt.Sprintf("delete it: kubectl -n %s delete %s", d.ref.Namespace, d.ref.Arg()),
		}
	}
	d.after = nil
	return nil
}
