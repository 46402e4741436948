package sandbox

import (
	"context"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (s *Sandbox) baselineDir() string { return s.file("baseline") }

// Reset goes back to the state in which Start returned: every object, the flags of kube-apiserver, istiod running.
// It takes about 5 seconds. Kubeconfig, ports and certificates stay; users' roles are gone.
func (s *Sandbox) Reset(ctx context.Context) error {
	s.stopAll(0)
	if err := s.restoreEtcd(s.baselineDir()); err != nil {
		return err
	}
	s.apiServerFlags = s.options.APIServerFlags
	if err := s.startAll(ctx); err != nil {
		return err
	}
	return s.waitBaseline(ctx)
}

// restoreEtcd puts a copy of etcd's data in the place of the present data; etcd must not run.
func (s *Sandbox) restoreEtcd(from string) error {
	if err := os.RemoveAll(s.etcdDir()); err != nil {
		return err
	}
	if err := os.CopyFS(s.etcdDir(), os.DirFS(from)); err != nil {
		return fmt.Errorf("etcd's data: %w", err)
	}
	return os.Chmod(s.etcdDir(), 0o700) // etcd insists
}

// waitBaseline waits until the istiod pods of a restored cluster have their processes and are ready.
func (s *Sandbox) waitBaseline(ctx context.Context) error {
	pods, err := s.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: "app=istiod"})
	if err != nil || len(pods.Items) == 0 {
		return err
	}
	return s.WaitIstiod(ctx, "")
}
