package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// start brings everything up for the first time and keeps the baseline.
func (s *Sandbox) start(ctx context.Context) error {
	began := time.Now()
	first := s.startNew
	if s.options.From != "" {
		first = s.startSaved
	}
	if err := first(ctx); err != nil {
		return err
	}
	if err := s.copyEtcd(s.baselineDir()); err != nil {
		return err
	}
	s.say("ready after %s", since(began))
	return nil
}

// startNew installs what the options say into an empty cluster. Istio is rendered while the cluster starts.
func (s *Sandbox) startNew(ctx context.Context) error {
	var istio rendered
	var todo errgroup.Group
	if !s.options.NoIstio {
		todo.Go(func() (err error) {
			istio, err = s.prepareIstio(ctx, s.options.Istio)
			return err
		})
	}
	err := s.startAll(ctx)
	if err = errors.Join(err, todo.Wait()); err != nil {
		return err
	}
	if err := s.createNodes(ctx); err != nil {
		return err
	}
	if err := s.waitDefaults(ctx); err != nil {
		return err
	}
	if !s.options.NoIstio {
		s.say("installing Istio")
		if err := s.applyIstio(ctx, istio); err != nil {
			return err
		}
	}
	return s.mirrorAPIServer(ctx)
}

// startSaved starts from what Save wrote.
func (s *Sandbox) startSaved(ctx context.Context) error {
	if err := s.restoreEtcd(filepath.Join(s.options.From, "etcd")); err != nil {
		return err
	}
	if err := s.startAll(ctx); err != nil {
		return err
	}
	if err := s.waitBaseline(ctx); err != nil {
		return err
	}
	return s.mirrorAPIServer(ctx)
}

func since(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Millisecond) }

// startAll starts every process on the etcd data that is there.
func (s *Sandbox) startAll(ctx context.Context) error {
	if err := s.startEtcd(); err != nil {
		return err
	}
	if err := s.startAPIServer(ctx); err != nil {
		return err
	}
	if !s.options.NoControllers {
		if err := s.startControllers(); err != nil {
			return err
		}
	}
	s.kubelet = &kubelet{
		client: s.client, group: s.group, bin: s.Bin("pilot-discovery"), dir: s.file("istiod"), logDir: s.LogDir(),
		hostIP: s.hostIP, serverURL: s.APIServerURL(), caPEM: s.ca.pem,
		probe: &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	if err := s.kubelet.run(ctx); err != nil {
		s.kubelet = nil
		return err
	}
	var err error
	if s.port, err = s.startKubeletPort(); err != nil {
		return err
	}
	return s.Proxies(ctx, s.options.Proxies)
}

// stopAll ends every process, istiod with the given grace.
func (s *Sandbox) stopAll(grace time.Duration) {
	s.stopProxies()
	if s.port != nil {
		s.port.stop()
		s.port = nil
	}
	if s.kubelet != nil {
		s.kubelet.stop(grace)
		s.kubelet = nil
	}
	for _, name := range []string{partKwok, partScheduler, partControllerManager, partAPIServer, partEtcd} {
		s.stopPart(name, grace)
	}
}

// createNodes writes the nodes that kwok manages, large enough for any mesh.
func (s *Sandbox) createNodes(ctx context.Context) error {
	size := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1000"), corev1.ResourceMemory: resource.MustParse("4000Gi"), corev1.ResourcePods: resource.MustParse("50000"),
	}
	for i := range max(1, s.options.Nodes) {
		name := fmt.Sprintf("node-%d", i+1)
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name:        name,
				Labels:      map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"},
				Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
			},
			Status: corev1.NodeStatus{Allocatable: size, Capacity: size, NodeInfo: corev1.NodeSystemInfo{KubeletVersion: kubeVersion}},
		}
		if _, err := s.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// waitDefaults waits for what the controllers make of an empty cluster, without which no pod can be created.
func (s *Sandbox) waitDefaults(ctx context.Context) error {
	return s.wait(ctx, "the default service account", 30*time.Second, func(ctx context.Context) (bool, error) {
		_, err := s.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err == nil, err
	})
}
