package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/deployments"
	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// inLarge is how many Deployments stand in the large file.
const inLarge = 1000

// measureInject compares inject with istioctl kube-inject, which gets the same
// files.
func measureInject(ctx context.Context, s *sandbox.Sandbox, plugin string, runs int) ([]result, error) {
	folder, err := os.MkdirTemp("", "kubectl-mesh-bench-inject-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	commands, err := injectCommands(ctx, s, plugin, folder)
	if err != nil {
		return nil, err
	}
	return rounds(ctx, s, runs, commands)
}

// injectCommands writes manifests and the settings of the sandbox's control
// plane into a folder, and returns the commands that inject the first with the
// second.
func injectCommands(ctx context.Context, s *sandbox.Sandbox, plugin, folder string) ([]command, error) {
	config, err := settings(ctx, s, folder, "istio-sidecar-injector", "config")
	if err != nil {
		return nil, err
	}
	values, err := settings(ctx, s, folder, "istio-sidecar-injector", "values")
	if err != nil {
		return nil, err
	}
	mesh, err := settings(ctx, s, folder, "istio", "mesh")
	if err != nil {
		return nil, err
	}
	var commands []command
	for _, f := range []struct {
		name  string
		count int
	}{{"large", inLarge}, {"small", 1}} {
		file := filepath.Join(folder, f.name+".yaml")
		if err := os.WriteFile(file, deployments.Text(f.count), 0o644); err != nil {
			return nil, err
		}
		commands = append(commands,
			command{name: "inject, " + f.name, args: []string{
				plugin, "inject", "-f", file, "--from", "files",
				"--inject-config-file", config, "--mesh-config-file", mesh, "--values-file", values,
			}},
			command{name: "kube-inject, " + f.name, args: []string{
				s.Bin("istioctl"), "kube-inject", "-f", file,
				"--injectConfigFile", config, "--meshConfigFile", mesh, "--valuesFile", values,
			}})
	}
	return commands, nil
}

// settings writes one key of a ConfigMap of istiod's into a file.
func settings(ctx context.Context, s *sandbox.Sandbox, folder, name, key string) (string, error) {
	m, err := s.Client().CoreV1().ConfigMaps("istio-system").Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if m.Data[key] == "" {
		return "", fmt.Errorf("ConfigMap %s has no %s", name, key)
	}
	file := filepath.Join(folder, key+".yaml")
	return file, os.WriteFile(file, []byte(m.Data[key]), 0o644)
}
