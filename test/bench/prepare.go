package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// prepare returns the folder of a saved cluster with a mesh of this size. It is
// made once and kept beside the sandbox's programs.
func prepare(ctx context.Context, bin string, size size) (string, error) {
	saved := filepath.Join(bin, size.key())
	if _, err := os.Stat(filepath.Join(saved, "etcd")); err == nil {
		return saved, nil
	}
	base, err := os.MkdirTemp("", "kubectl-mesh-bench-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(base)
	pod, err := saveBase(ctx, base)
	if err != nil {
		return "", err
	}
	// Without controllers, what is written stays as it is written.
	s, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr, From: base, NoControllers: true})
	if err != nil {
		return "", err
	}
	defer s.Close()
	fmt.Fprintf(os.Stderr, "writing %s\n", size)
	if err := write(ctx, s, size, pod); err != nil {
		return "", err
	}
	making := saved + ".making"
	if err := os.RemoveAll(making); err != nil {
		return "", err
	}
	if err := s.Save(making); err != nil {
		return "", err
	}
	return saved, os.Rename(making, saved)
}

// saveBase keeps a fresh cluster in folder, and returns a pod as the webhook
// of that cluster injects it.
func saveBase(ctx context.Context, folder string) (*core.Pod, error) {
	s, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ns := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sample", Labels: map[string]string{"istio-injection": "enabled"}}}
	if _, err := s.Client().CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	account := &core.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := s.Client().CoreV1().ServiceAccounts("sample").Create(ctx, account, metav1.CreateOptions{}); err != nil && !exists(err) {
		return nil, err
	}
	pod := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "sample", Labels: map[string]string{"app": "sample", "version": "v1"}},
		Spec:       template("sample", "v1").Spec,
	}
	pod, err = s.Client().CoreV1().Pods("sample").Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return nil, err
	}
	if err := s.Client().CoreV1().Namespaces().Delete(ctx, "sample", metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	return pod, s.Save(folder)
}
