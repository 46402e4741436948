package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// proxyKeeper tells the program that plays the proxies which pods there are.
type proxyKeeper struct {
	client  kubernetes.Interface
	find    func(ctx context.Context, namespace string) lookup
	hostIP  string
	address string // of the program
	http    *http.Client

	pods   cache.SharedIndexInformer
	told   map[types.NamespacedName]types.UID
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

// run starts following the pods and returns once those that are there are known.
func (k *proxyKeeper) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactoryWithOptions(k.client, 0, informers.WithTransform(func(obj any) (any, error) {
		if pod, ok := obj.(*corev1.Pod); ok {
			pod.ManagedFields = nil
		}
		return obj, nil
	}))
	k.pods = factory.Core().V1().Pods().Informer()
	k.told, k.wake, k.done = map[types.NamespacedName]types.UID{}, make(chan struct{}, 1), make(chan struct{})
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
		return fmt.Errorf("watching pods: %w", context.Cause(ctx))
	}
	k.reconcile(ctx)
	go k.loop(life)
	return nil
}

func (k *proxyKeeper) stop() {
	k.cancel()
	<-k.done
}

func (k *proxyKeeper) loop(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-tick.C:
		}
		k.reconcile(ctx)
	}
}

// reconcile starts a proxy for every running pod that wants one and ends the others. What fails is tried again in the
// next round.
func (k *proxyKeeper) reconcile(ctx context.Context) {
	wanted := map[types.NamespacedName]bool{}
	for _, obj := range k.pods.GetStore().List() {
		pod := obj.(*corev1.Pod)
		if !wantsProxy(pod) {
			continue
		}
		name := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
		wanted[name] = true
		if k.told[name] != pod.UID && k.put(ctx, pod) == nil {
			k.told[name] = pod.UID
		}
	}
	for name := range k.told {
		if wanted[name] {
			continue
		}
		if _, err := k.call(ctx, http.MethodDelete, proxyPath(name.Namespace, name.Name), nil); err == nil {
			delete(k.told, name)
		}
	}
}

// put starts the proxy of a pod.
func (k *proxyKeeper) put(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, kubeletTimeout)
	defer cancel()
	env, err := resolveEnv(pod, proxyContainer(pod), k.find(ctx, pod.Namespace))
	if err != nil {
		return err
	}
	namespace, name, err := istiodService(env)
	if err != nil {
		return err
	}
	service, err := k.client.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	port, err := plaintextPort(service)
	if err != nil {
		return err
	}
	body, err := json.Marshal(proxySpecOf(pod, env, net.JoinHostPort(k.hostIP, strconv.Itoa(port))))
	if err != nil {
		return err
	}
	_, err = k.call(ctx, http.MethodPut, proxyPath(pod.Namespace, pod.Name), body)
	return err
}

func (k *proxyKeeper) list(ctx context.Context) ([]ProxyStatus, error) {
	content, err := k.call(ctx, http.MethodGet, "/proxies", nil)
	if err != nil {
		return nil, err
	}
	var all []ProxyStatus
	return all, json.Unmarshal(content, &all)
}

// call sends a request to the program and returns its answer.
func (k *proxyKeeper) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+k.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(strings.TrimSpace(string(content)))
	}
	return content, nil
}

// plays tells whether a pod has a proxy here.
func (k *proxyKeeper) plays(namespace, name string) bool {
	obj, found, err := k.pods.GetStore().GetByKey(namespace + "/" + name)
	return err == nil && found && wantsProxy(obj.(*corev1.Pod))
}

// dial opens a connection to a port of a pod's proxy. The error is kubelet's for a port on which nothing listens.
func (k *proxyKeeper) dial(ctx context.Context, namespace, name string, port int) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", k.address)
	if err != nil {
		return nil, err
	}
	host := net.JoinHostPort(name+"."+namespace, strconv.Itoa(port))
	_, err = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
	var resp *http.Response
	if err == nil {
		// Nothing follows the answer before this side has spoken, so that the reader takes no byte too many.
		resp, err = http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("failed to connect to localhost:%d: connection refused", port)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("error forwarding port %d to pod %s/%s: %w", port, namespace, name, err)
	}
	return conn, nil
}
