package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// monitoringPort is where istiod answers /debug unless its arguments say
// otherwise (istio.io/istio 1.29.1, pkg/kube/client.go: FindIstiodMonitoringPort).
const monitoringPort = 15014

// Sync is how far a proxy is with one type of configuration, as istiod knows it
// (istio.io/istio 1.29.1, pilot/pkg/xds/debug.go: ResourceStatus). Sent and
// Acked are nonces: what they say is whether they are the same, and whether
// they changed.
type Sync struct {
	Sent      string `json:"sent"`
	Acked     string `json:"acked"`
	LastError string `json:"lastError"`
}

// Syncs are the proxies that are connected to the istiods, called POD.NAMESPACE,
// with their state by type URL.
type Syncs map[string]map[string]Sync

// ReadSyncs asks all running istiods for the state of their proxies, over
// port-forwards, which need no token there. The error says that one could not
// be asked: what its proxies have is then unknown.
func ReadSyncs(ctx context.Context, q Query) (Syncs, error) {
	pods, err := istiods(ctx, q)
	if err != nil {
		return nil, err
	}
	a, err := newAdmin(q)
	if err != nil {
		return nil, err
	}
	answers, failures := make([][]byte, len(pods)), make([]error, len(pods))
	var all sync.WaitGroup
	for i, pod := range pods {
		all.Go(func() {
			got, err := a.get(ctx, Proxy{pod.Namespace, pod.Name}, portOf(pod), []string{"/debug/syncz"})
			if err != nil {
				failures[i] = fmt.Errorf("istiod %s/%s: %w", pod.Namespace, pod.Name, err)
				return
			}
			answers[i] = got[0]
		})
	}
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	known := Syncs{}
	for i, answer := range answers {
		some, err := parseSyncs(answer)
		if err != nil {
			return nil, fmt.Errorf("istiod %s/%s: %w", pods[i].Namespace, pods[i].Name, err)
		}
		maps.Copy(known, some)
	}
	return known, nil
}

func parseSyncs(answer []byte) (Syncs, error) {
	var listed []struct {
		Proxy     string          `json:"proxy"`
		Resources map[string]Sync `json:"resources"`
	}
	if err := json.Unmarshal(answer, &listed); err != nil {
		return nil, fmt.Errorf("its /debug/syncz cannot be understood: %w", err)
	}
	known := Syncs{}
	for _, p := range listed {
		known[p.Proxy] = p.Resources
	}
	return known, nil
}

// istiods are the running istiod pods, wherever they are, or in the namespaces
// that webhooks name where the user may not list all.
func istiods(ctx context.Context, q Query) ([]*core.Pod, error) {
	c, err := connect(q)
	if err != nil {
		return nil, err
	}
	r := newReading(c, Query{Kinds: []mesh.Kind{mesh.Pods, mesh.MutatingWebhooks}})
	pods, _ := mesh.Lookup(mesh.Pods)
	l := listing{info: pods, labels: "app=istiod"}
	if r.lists(ctx, l) != nil { // not all namespaces may be listed
		webhooks, _ := mesh.Lookup(mesh.MutatingWebhooks)
		_ = r.lists(ctx, listing{info: webhooks}) // without them, control planes are looked for where they usually are
		for _, l.namespace = range r.planeNamespaces() {
			if err := r.lists(ctx, l); err != nil {
				return nil, fmt.Errorf("istiod cannot be looked for: %w", err)
			}
		}
	}
	var running []*core.Pod
	for _, pod := range r.objects.snapshot().Pods {
		if pod.Status.Phase == core.PodRunning && pod.DeletionTimestamp == nil {
			running = append(running, pod)
		}
	}
	if len(running) == 0 {
		return nil, errors.New("no istiod is running")
	}
	return running, nil
}

// portOf is the port at which an istiod answers /debug.
func portOf(pod *core.Pod) int {
	for _, c := range pod.Spec.Containers {
		for _, arg := range c.Args {
			addr, ok := strings.CutPrefix(arg, "--monitoringAddr=")
			if !ok {
				continue
			}
			if port, err := strconv.Atoi(addr[strings.LastIndex(addr, ":")+1:]); err == nil {
				return port
			}
		}
	}
	return monitoringPort
}

// Acks is what became of configuration that istiod has sent since a moment.
type Acks struct {
	Sent    int               // proxies that were sent some
	Acked   int               // of those, that acknowledged it, which is not yet to apply it
	Refused map[string]string // why, by proxy
}

// Since counts what was sent and acknowledged of the types after before was
// read.
func (s Syncs) Since(before Syncs, types []string) Acks {
	a := Acks{Refused: map[string]string{}}
	for proxy, states := range s {
		sent, acked := false, true
		for _, t := range types {
			is := states[t]
			if is.Sent == "" || is.Sent == before[proxy][t].Sent {
				continue
			}
			sent = true
			acked = acked && is.Acked == is.Sent
			if is.LastError != "" {
				a.Refused[proxy], acked = is.LastError, false
			}
		}
		if sent {
			a.Sent++
		}
		if sent && acked {
			a.Acked++
		}
	}
	return a
}

// settle is how long no further proxy must have been sent anything before a
// push counts as whole: istiod gathers changes for 100 ms before it pushes
// (PILOT_DEBOUNCE_AFTER), and sends to the proxies one after the other.
const settle = time.Second

// AwaitAcks asks istiod until it has sent configuration of the types since
// before was read, all proxies have acknowledged theirs and no more come, or ctx
// ends. The error says that istiod could not be asked.
func AwaitAcks(ctx context.Context, q Query, before Syncs, types []string) (Acks, error) {
	var last Acks
	var since time.Time
	for {
		s, err := ReadSyncs(ctx, q)
		if err != nil {
			if ctx.Err() != nil && !since.IsZero() {
				return last, nil
			}
			return last, err
		}
		a := s.Since(before, types)
		if since.IsZero() || a.Sent != last.Sent {
			since = time.Now()
		}
		last = a
		if a.Sent > 0 && a.Acked == a.Sent && time.Since(since) >= settle {
			return a, nil
		}
		select {
		case <-ctx.Done():
			return last, nil
		case <-time.After(settle / 4):
		}
	}
}
