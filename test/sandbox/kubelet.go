package sandbox

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// kubelet does for pods with the label app=istiod what a node's kubelet does: a scheduled pod gets a
// pilot-discovery process with the pod's arguments, env and service account, the process is probed and restarted,
// the pod's status says so, and the process ends with the pod.
//
// All pods have this machine's address. Two pods with the same ports (a rolling update, two replicas) share one
// process, that of the newest pod.
type kubelet struct {
	client    kubernetes.Interface
	group     *group
	bin       string // pilot-discovery
	dir       string // working directories
	logDir    string
	hostIP    string
	serverURL string
	caPEM     []byte
	probe     *http.Client

	pods     cache.SharedIndexInformer
	slots    map[istiodPorts]*slot
	written  map[types.UID]podState
	commands chan func()
	wake     chan struct{}
	cancel   context.CancelFunc
	done     chan struct{}
}

const (
	kubeletTick = 250 * time.Millisecond
	istiodGrace = 3 * time.Second
	// kubeletTimeout bounds each call to kube-apiserver, which a test may have stopped.
	kubeletTimeout = 5 * time.Second
)

// run starts the kubelet and returns once it knows the pods that are there.
func (k *kubelet) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactoryWithOptions(k.client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.LabelSelector = "app=istiod"
	}))
	k.pods = factory.Core().V1().Pods().Informer()
	k.slots, k.written = map[istiodPorts]*slot{}, map[types.UID]podState{}
	k.commands, k.wake, k.done = make(chan func()), make(chan struct{}, 1), make(chan struct{})
	wake := func() {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
	if _, err := k.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { wake() },
		UpdateFunc: func(any, any) { wake() },
		DeleteFunc: func(any) { wake() },
	}); err != nil {
		return err
	}
	var life context.Context
	life, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	factory.Start(life.Done())
	if !cache.WaitForCacheSync(ctx.Done(), k.pods.HasSynced) {
		k.cancel()
		return fmt.Errorf("watching istiod pods: %w", context.Cause(ctx))
	}
	go k.loop(life)
	return nil
}

// stop ends the kubelet and its processes.
func (k *kubelet) stop(grace time.Duration) {
	k.cancel()
	<-k.done
	for _, s := range k.slots {
		s.end(grace)
	}
}

// do runs f between two rounds of the kubelet, where nothing else touches its slots.
func (k *kubelet) do(ctx context.Context, f func()) error {
	finished := make(chan struct{})
	select {
	case k.commands <- func() { f(); close(finished) }:
		<-finished
		return nil
	case <-k.done:
		return fmt.Errorf("the sandbox is stopped")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *kubelet) loop(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(kubeletTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-k.commands:
			f()
		case <-k.wake:
		case <-tick.C:
		}
		k.reconcile(ctx, time.Now())
	}
}

// reconcile brings processes and pod statuses in line with the pods.
func (k *kubelet) reconcile(ctx context.Context, now time.Time) {
	members := map[istiodPorts][]*corev1.Pod{}
	known := map[types.UID]bool{}
	for _, obj := range k.pods.GetStore().List() {
		pod := obj.(*corev1.Pod)
		if !wantsProcess(pod) {
			continue
		}
		known[pod.UID] = true
		if image := discoveryContainer(pod).Image; !canPull(image) {
			k.write(ctx, pod, podState{waiting: "ImagePullBackOff", message: fmt.Sprintf("Back-off pulling image %q", image)})
			continue
		}
		p := portsOf(discoveryContainer(pod))
		members[p] = append(members[p], pod)
	}
	maps.DeleteFunc(k.written, func(uid types.UID, _ podState) bool { return !known[uid] })
	for p, s := range k.slots {
		if len(members[p]) == 0 {
			s.end(istiodGrace)
			delete(k.slots, p)
		}
	}
	for p, pods := range members {
		s := k.slots[p]
		if s == nil {
			s = &slot{ports: p}
			k.slots[p] = s
		}
		owner := slices.MaxFunc(pods, olderFirst)
		k.sync(ctx, s, owner, now)
		for _, pod := range pods {
			if !k.keepsReady(s, pod) {
				k.write(ctx, pod, s.state())
			}
		}
	}
}

// keepsReady tells whether a ready pod stays an endpoint though its process does not answer yet: until the newer pod
// with its ports is one, so that a rolling update leaves no gap, and when a saved cluster starts, whose pods were ready.
func (k *kubelet) keepsReady(s *slot, pod *corev1.Pod) bool {
	if s.ready || s.unready || s.waiting != "" {
		return false
	}
	last, written := k.written[pod.UID]
	if pod.UID != s.owner.UID {
		return last.ready
	}
	return !written && isReady(pod)
}

// wantsProcess tells whether a kubelet would run this pod's containers.
func wantsProcess(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil && len(pod.Spec.Containers) > 0 &&
		pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded
}

func olderFirst(a, b *corev1.Pod) int {
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// revisionOf is the revision that a pod's istiod serves.
func revisionOf(pod *corev1.Pod) string {
	for _, e := range discoveryContainer(pod).Env {
		if e.Name == "REVISION" && e.Value != "" {
			return e.Value
		}
	}
	return "default"
}

func (k *kubelet) logPath(pod *corev1.Pod) string {
	return filepath.Join(k.logDir, fmt.Sprintf("istiod-%s-%s.log", pod.Namespace, pod.Name))
}

// pod finds an istiod pod by name.
func (k *kubelet) pod(namespace, name string) (*corev1.Pod, bool) {
	obj, found, err := k.pods.GetStore().GetByKey(namespace + "/" + name)
	if err != nil || !found {
		return nil, false
	}
	return obj.(*corev1.Pod), true
}
