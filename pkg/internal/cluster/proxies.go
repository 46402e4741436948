package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// MaxProxies is how many proxies are looked at; of more, a sample that is
// spread over namespaces and workloads.
const MaxProxies = 50

// Proxy is a pod's Envoy.
type Proxy struct{ Namespace, Pod string }

// String is NAMESPACE/POD.
func (p Proxy) String() string { return p.Namespace + "/" + p.Pod }

// Proxies are the Envoys of a cluster that may send requests to a service:
// sidecars and gateways alike.
type Proxies struct {
	All    []Proxy  // that are looked at
	Total  int      // that are there
	Hidden []string // why there may be more: what could not be listed

	admin *admin
}

// FindProxies lists the running pods with Istio's proxy container, in all
// namespaces, or in those that the user may list; home is one to ask for by
// name in any case. The error says that nothing could be listed.
func FindProxies(ctx context.Context, q Query, home string) (*Proxies, error) {
	c, err := connect(q)
	if err != nil {
		return nil, err
	}
	a, err := newAdmin(q)
	if err != nil {
		return nil, err
	}
	r := newReading(c, Query{Kinds: []mesh.Kind{mesh.Pods}})
	r.known = sync.OnceValues(func() ([]string, error) { return r.listNamespaces(ctx) })
	i, _ := mesh.Lookup(mesh.Pods)
	r.everywhere(ctx, i)
	if !r.covered(mesh.Pods, home) {
		r.each(ctx, i, []string{home})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Proxies{admin: a}
	for _, g := range r.gaps {
		p.Hidden = append(p.Hidden, g.String())
	}
	if len(r.extents) == 0 {
		return nil, errors.New(p.Hidden[0])
	}
	pods := r.objects.snapshot().Pods
	pods = slices.DeleteFunc(pods, func(pod *core.Pod) bool { return !proxyRuns(pod) })
	p.Total = len(pods)
	p.All = sample(pods, MaxProxies)
	return p, nil
}

// proxyRuns reports whether a pod's proxy is up: the rest of the pod may not be.
func proxyRuns(pod *core.Pod) bool {
	if pod.Status.Phase != core.PodRunning || pod.DeletionTimestamp != nil || !mesh.InMesh(pod) {
		return false
	}
	for _, s := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		if s.Name == mesh.ProxyContainer {
			return s.State.Running != nil
		}
	}
	return false
}

// sample takes up to n pods in turn from each workload, so that none is left
// out before another is there twice. The same pods give the same sample.
func sample(pods []*core.Pod, n int) []Proxy {
	byWorkload := map[string][]Proxy{}
	for _, pod := range pods {
		key := pod.Namespace + "/" + pod.Name
		if len(pods) > n && len(pod.OwnerReferences) > 0 {
			key = pod.Namespace + "/" + pod.OwnerReferences[0].Name
		}
		byWorkload[key] = append(byWorkload[key], Proxy{pod.Namespace, pod.Name})
	}
	var keys []string
	for key, list := range byWorkload {
		slices.SortFunc(list, func(a, b Proxy) int { return cmp.Compare(a.Pod, b.Pod) })
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var all []Proxy
	for turn := 0; len(all) < min(n, len(pods)); turn++ {
		for _, key := range keys {
			if turn < len(byWorkload[key]) && len(all) < n {
				all = append(all, byWorkload[key][turn])
			}
		}
	}
	return all
}

// Judge says of the answers of one proxy whether it counts, and what it lacks;
// nothing where it has what is waited for. An error says that the answers make
// no sense.
type Judge func(answers [][]byte) (counts bool, lacks string, err error)

// Look is what was seen at the proxies.
type Look struct {
	Counted int              // whose scope holds what is looked for
	Have    int              // of those counted
	Lacking map[Proxy]string // what those counted lack
	Blind   map[Proxy]error  // that could not be looked at
}

// Done reports whether all that count have it and none is unknown.
func (l Look) Done() bool { return len(l.Lacking) == 0 && len(l.Blind) == 0 }

// hopeless reports whether another look would tell nothing new: all that is not
// known is forbidden.
func (l Look) hopeless() bool {
	if len(l.Lacking) > 0 || len(l.Blind) == 0 {
		return false
	}
	for _, err := range l.Blind {
		if !errors.Is(err, errNoRight) {
			return false
		}
	}
	return true
}

// Await asks the proxies' admin ports until all that count have what judge
// looks for, or ctx ends, or the right to look is missing, and returns the last look: 16 at a time, each with
// the deadline of a call. A pod that goes away meanwhile does not count. see,
// if not nil, is shown every look.
func (p *Proxies) Await(ctx context.Context, paths []string, judge Judge, see func(Look)) Look {
	met := map[Proxy]bool{} // counted or not: need not be asked again
	last := Look{}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		next := p.once(ctx, paths, judge, met)
		if ctx.Err() != nil && last.Lacking != nil {
			return last // an interrupted look tells less than the one before
		}
		last = next
		if see != nil {
			see(last)
		}
		if last.Done() || last.hopeless() {
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(wait):
		}
	}
}

// once asks all proxies that are not settled.
func (p *Proxies) once(ctx context.Context, paths []string, judge Judge, met map[Proxy]bool) Look {
	l := Look{Lacking: map[Proxy]string{}, Blind: map[Proxy]error{}}
	free := make(chan struct{}, 16)
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, proxy := range p.All {
		if _, settled := met[proxy]; settled {
			continue
		}
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			answers, err := p.admin.ask(ctx, proxy, paths)
			counts, lacks := false, ""
			if err == nil {
				counts, lacks, err = judge(answers)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, errPodGone):
				met[proxy] = false
			case err != nil:
				l.Blind[proxy] = err
			case lacks != "":
				l.Lacking[proxy] = lacks
			default:
				met[proxy] = counts
			}
		})
	}
	all.Wait()
	for _, counts := range met {
		if counts {
			l.Counted++
			l.Have++
		}
	}
	l.Counted += len(l.Lacking)
	return l
}

// Sampled says how many of the proxies are looked at, where not all are.
func (p *Proxies) Sampled() string {
	if len(p.All) == p.Total {
		return ""
	}
	return fmt.Sprintf("%d of %d proxies sampled", len(p.All), p.Total)
}
